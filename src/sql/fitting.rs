//! Texts cut to a length. Pure.

/// As much of a text as fits into `most` bytes, cut between two letters.
pub fn fitting(text: &str, most: usize) -> &str {
    let end = (0..=most.min(text.len())).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    &text[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn between_letters() {
        for (most, expected) in [(0, ""), (1, "a"), (2, "a"), (3, "aä"), (5, "aä"), (6, "aä✓"), (9, "aä✓")] {
            assert_eq!(fitting("aä✓", most), expected, "{most}");
        }
    }
}
