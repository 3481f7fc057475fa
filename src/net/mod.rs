//! Bytes to and from the kernel.

pub mod dial;
pub mod lane;
pub mod listen;
pub mod resolve;
pub mod stream;
pub mod talk;
pub mod tls;

pub use lane::Lane;
pub use stream::Stream;
pub use talk::Talk;
