//! Where lines go, and what was lost there: a disk that is full takes half a line, then none, and perhaps lines again.

use std::io::Write;

/// See above.
pub(super) struct Out {
    to: Box<dyn Write + Send>,
    /// The last that was written is not the end of a line.
    broken: bool,
    lost: u64,
}

impl Out {
    pub(super) fn new(to: Box<dyn Write + Send>) -> Out {
        Out { to, broken: false, lost: 0 }
    }

    /// Lines that could not be written. While there are some, the next that is written should begin with their number.
    pub(super) fn lost(&self) -> u64 {
        self.lost
    }

    /// Writes whole lines; those that are not taken are counted.
    pub(super) fn write(&mut self, lines: &str) {
        let end = if self.broken { "\n" } else { "" };
        match self.write_some(end.as_bytes()) {
            written if written == end.len() => self.broken = false,
            _ => return self.lost += count(lines.as_bytes()),
        }
        let (written, left) = lines.as_bytes().split_at(self.write_some(lines.as_bytes()));
        self.broken = written.last().is_some_and(|last| *last != b'\n');
        self.lost += count(left);
        let _ = self.to.flush();
    }

    /// The same, of a line that tells how many were lost before it.
    pub(super) fn confess(&mut self, line: &str) {
        let told = self.lost;
        self.write(line);
        match self.lost == told {
            true => self.lost = 0,
            // It will be told again.
            false => self.lost = told,
        }
    }

    /// How many bytes were taken.
    fn write_some(&mut self, bytes: &[u8]) -> usize {
        let mut written = 0;
        while written < bytes.len() {
            match self.to.write(&bytes[written..]) {
                Ok(count @ 1..) => written += count,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Ok(0) | Err(_) => break,
            }
        }
        written
    }
}

/// Lines that end in there.
fn count(bytes: &[u8]) -> u64 {
    bytes.iter().filter(|byte| **byte == b'\n').count() as u64
}
