//! Names with a dot in a text, whatever they stand for: among them are the settings of applications that it may change where
//! nobody can read how, in a DO or in what it executes. No server lists such settings; it can only be asked for them by name.
//! Pure.

/// Names of one text that are told, each once.
const MOST: usize = 200;

/// A longer one is no setting's.
const LONGEST: usize = 128;

/// The names, in lower case: words joined by dots, also inside strings and comments, where what is executed may stand.
pub fn spelled(text: &[u8]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for word in text.split(|byte| !(byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$' | b'.' | b'"'))) {
        if let Some(name) = name(word)
            && !names.contains(&name)
        {
            names.push(name);
            if names.len() == MOST {
                break;
            }
        }
    }
    names
}

/// As a name of a setting, if it can be one. What is quoted in it is as good as what is not: settings are the same in any case.
fn name(word: &[u8]) -> Option<String> {
    if !word.contains(&b'.') || word.len() > LONGEST {
        return None;
    }
    let name = str::from_utf8(word).ok()?.replace('"', "").to_ascii_lowercase();
    let begins = |part: &str| part.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    (name.contains('.') && name.split('.').all(begins)).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        assert_eq!(spelled(text.as_bytes()).join(" "), expected, "{text}");
    }

    #[test]
    fn names_with_a_dot() {
        check("do $$ begin perform set_config('App.Tenant', '7', false); end $$", "app.tenant");
        check("do $$ begin execute format('set my.x=%L', 'v'); end $$", "my.x");
        check("do 'begin set \"my\".\"x\" = 1; set my.x to 2; end'", "my.x");
        check("do $$ begin execute 'set a.b.c = ''d.e'''; end $$", "a.b.c d.e");
        check("select 1.5, .5, a., x.1, t.* from s", "");
        check("select a..b, . .. from \"x.y\"", "x.y");
        check("", "");
    }

    #[test]
    fn a_bound() {
        let many: String = (0..1000).map(|n| format!("a.b{n} ")).collect();
        assert_eq!(spelled(many.as_bytes()).len(), MOST);
        assert_eq!(spelled("x.y".repeat(100).as_bytes()), Vec::<String>::new());
    }
}
