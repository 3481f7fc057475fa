//! Bytes to and from the kernel.

pub mod lane;
pub mod listen;
pub mod stream;
pub mod tls;

pub use lane::Lane;
pub use stream::Stream;
