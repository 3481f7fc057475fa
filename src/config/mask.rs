//! Passwords taken out of what somebody wrote, well or not. Pure.

/// The text with every password in it replaced by `***`: a URL's, wherever it stands, and that of a list of `name=value`.
/// Also works for what is no proper URL, and for names that are nearly right.
pub fn mask(text: &str) -> String {
    // JSON, as some keep their secrets.
    if text.trim_start_matches(is_between).starts_with('{') {
        return "{***}".to_owned();
    }
    let start = text.find("://").map_or(0, |at| at + 3);
    let (scheme, rest) = text.split_at(start);
    // From the right and over everything, so that a / or ? inside an unencoded password hides nothing from us.
    let masked = match rest.rsplit_once('@') {
        Some((login, place)) => match login.split_once(':') {
            Some((user, _)) => format!("{scheme}{user}:***@{place}"),
            None => text.to_owned(),
        },
        None if scheme.is_empty() => text.to_owned(),
        None => format!("{scheme}{}", mask_authority(rest)),
    };
    mask_parameters(&masked)
}

/// Of a URL without an @: what follows the first : is a port, or a password that lacks its host.
fn mask_authority(rest: &str) -> String {
    let (authority, behind) = rest.split_at(rest.find(['/', '?', '"', '\'']).unwrap_or(rest.len()));
    match authority.split_once(':') {
        Some((first, port)) if !authority.starts_with('[') && port.parse::<u16>().is_err() => {
            format!("{first}:***{behind}")
        }
        _ => rest.to_owned(),
    }
}

/// What the names of parameters contain whose values are not for others.
const SECRET_NAMES: [&str; 4] = ["pass", "pasw", "pwd", "secret"];

fn mask_parameters(text: &str) -> String {
    let mut masked = String::new();
    let mut rest = text;
    while let Some((name, after)) = rest.split_once('=') {
        masked += name;
        masked.push('=');
        let last = name.trim_end().rsplit(is_between).next().unwrap_or_default().to_ascii_lowercase();
        rest = after;
        if SECRET_NAMES.iter().any(|secret| last.contains(secret)) {
            masked += "***";
            rest = after_value(after.trim_start());
        }
    }
    masked + rest
}

/// What follows a value. One in quotes may hold anything but its quote, and that behind a backslash; any other has no blank.
fn after_value(text: &str) -> &str {
    let Some(inner) = text.strip_prefix('\'') else {
        let end = text.find(|c: char| c == '&' || c.is_whitespace());
        // The quotes may be those around all of it.
        let last = text.len() - text.ends_with(['"', '\'']) as usize;
        return &text[end.unwrap_or(last)..];
    };
    let mut escaped = false;
    let end = inner.find(|c: char| {
        let ends = c == '\'' && !escaped;
        escaped = c == '\\' && !escaped;
        ends
    });
    end.map_or("", |end| &inner[end + 1..])
}

fn is_between(c: char) -> bool {
    matches!(c, '?' | '&' | '"' | '\'') || c.is_whitespace()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords() {
        fn check(text: &str, expected: &str) {
            assert_eq!(mask(text), expected);
        }
        check("postgres://app:secret@db/app", "postgres://app:***@db/app");
        check("postgres://app@db/app", "postgres://app@db/app");
        check("postgres://db:5432/app", "postgres://db:5432/app");
        check("postgres://app:se/c?r@et@db/app", "postgres://app:***@db/app");
        check("\"postgres://app:secret@db/app\"", "\"postgres://app:***@db/app\"");
        check("postgres://db/app?user=a&password=secret&port=1", "postgres://db/app?user=a&password=***&port=1");
        check("'postgres://db/app?password=secret'", "'postgres://db/app?password=***'");
        check("app:secret@db", "app:***@db");
        check("postgres://app:secret%40db:5432/app", "postgres://app:***/app");
        check("postgres://app:secret/app", "postgres://app:***/app");
        check("\"postgres://app:secret\"", "\"postgres://app:***\"");
        check("postgres://app:secret:db:5432/app?x=y", "postgres://app:***/app?x=y");
        check("postgres://[::1]:5432/app", "postgres://[::1]:5432/app");
        check("host=h user=app password = secret port = 1", "host=h user=app password =*** port = 1");
        check("host=h password='se\\'cret' port=1", "host=h password=*** port=1");
        check("password=se'cr\"et port=1", "password=*** port=1");
        check(
            "jdbc:postgresql://h/app?user=app&password=se?cret&x=1",
            "jdbc:postgresql://h/app?user=app&password=***&x=1",
        );
        check("{\"password\":\"secret\",\"host\":\"x\"}", "{***}");
        check("\"{\\\"password\\\":\\\"secret\\\"}\"", "{***}");
        check("postgres://app@db/app?pasword=secret&port=1", "postgres://app@db/app?pasword=***&port=1");
        check("host=db user=app password=secret port=1", "host=db user=app password=*** port=1");
        check("\"password='se cr\"et' port=1\"", "\"password=*** port=1\"");
        check("PGPASSWORD=secret", "PGPASSWORD=***");
        check("-c search_path=a,b", "-c search_path=a,b");
        check("", "");
    }
}
