//! Names with a dot in a text, whatever they stand for: among them are the settings of applications that it may change where
//! nobody can read how, in a DO or in what it executes. No server lists such settings; it can only be asked for them by name.
//! Pure.

/// So many are told.
const MOST: usize = 200;

/// A longer one is no setting's.
const LONGEST: usize = 128;

/// Adds those of a text to these, in lower case and each once: words joined by dots, also inside strings and comments, where
/// what is executed may stand. Whether there may be more than are told.
pub fn spell(text: &[u8], names: &mut Vec<String>) -> bool {
    for word in text.split(|byte| !is_of_name(*byte)) {
        if let Some(name) = name(word)
            && !names.contains(&name)
        {
            if names.len() == MOST {
                return true;
            }
            names.push(name);
        }
    }
    false
}

fn is_of_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$' | b'.' | b'"' | 128..)
}

/// As a name of a setting, if it can be one. What is quoted in it is as good as what is not: settings are the same in any case.
fn name(word: &[u8]) -> Option<String> {
    if !word.contains(&b'.') || word.len() > LONGEST {
        return None;
    }
    let name = str::from_utf8(word).ok()?.replace('"', "").to_ascii_lowercase();
    let begins = |part: &str| part.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_' || !c.is_ascii());
    (name.contains('.') && name.split('.').all(begins)).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let mut names = Vec::new();
        assert!(!spell(text.as_bytes(), &mut names));
        assert_eq!(names.join(" "), expected, "{text}");
    }

    #[test]
    fn names_with_a_dot() {
        check("do $$ begin perform set_config('App.Tenant', '7', false); end $$", "app.tenant");
        check("do $$ begin execute format('set my.x=%L', 'v'); end $$", "my.x");
        check("do 'begin set \"my\".\"x\" = 1; set my.x to 2; end'", "my.x");
        check("do $$ begin execute 'set a.b.c = ''d.e'''; end $$", "a.b.c d.e");
        check("do $$ begin execute 'set vé.x = 1'; end $$", "vé.x");
        check("select 1.5, .5, a., x.1, t.* from s", "");
        check("select a..b, . .. from \"x.y\"", "x.y");
        check("", "");
    }

    #[test]
    fn a_bound() {
        let mut names = Vec::new();
        let some = |count: usize| (0..count).map(|n| format!("a.b{n} ")).collect::<String>();
        assert!(!spell(some(MOST).as_bytes(), &mut names) && !spell(some(MOST).as_bytes(), &mut names));
        assert!(spell(some(MOST + 1).as_bytes(), &mut names));
        assert_eq!(names.len(), MOST);
        assert!(!spell("x.y".repeat(100).as_bytes(), &mut names), "a longer one is no name");
    }
}
