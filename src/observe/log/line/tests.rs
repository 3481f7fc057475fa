//! Both forms, hostile strings, the bound of a field.

use proptest::prelude::*;

use super::*;

fn line(form: Form, value: &str) -> String {
    let mut line = Line::new(form, Timestamp::UNIX_EPOCH, Level::INFO, "test", "");
    line.text("value", value);
    line.finish()
}

#[test]
fn text() {
    #[track_caller]
    fn check(value: &str, wanted: &str) {
        let wanted = format!("1970-01-01T00:00:00.000Z INFO test value={wanted}\n");
        assert_eq!(line(Form::Text { colour: false }, value), wanted);
    }
    check("app", "app");
    check("", r#""""#);
    check("two words", r#""two words""#);
    check("a=b", r#""a=b""#);
    check(r#"say "hi" \"#, r#""say \"hi\" \\""#);
    check("a\nb\r\t\0", r#""a\nb\r\t\u{0}""#);
    check("\x1b[31mred\u{9b}", r#""\u{1b}[31mred\u{9b}""#);
    check("a\u{2028}b\u{202e}c", r#""a\u{2028}b\u{202e}c""#);
    check("grün", "grün");
}

#[test]
fn json() {
    #[track_caller]
    fn check(value: &str, wanted: &str) {
        let start = r#"{"ts":"1970-01-01T00:00:00.000Z","level":"info","event":"test","value":"#;
        assert_eq!(line(Form::Json, value), format!("{start}{wanted}}}\n"));
    }
    check("app", r#""app""#);
    check("", r#""""#);
    check(r#"say "hi" \"#, r#""say \"hi\" \\""#);
    check("a\nb\r\t\0", r#""a\nb\r\t\u0000""#);
    check("\x1b[31m\x7f\u{9b}\u{2028}", r#""\u001b[31m\u007f\u009b\u2028""#);
}

#[test]
fn objects_and_lists() {
    let write = |form| {
        let mut line = Line::new(form, Timestamp::UNIX_EPOCH, Level::INFO, "test", "");
        line.plain("a", 1);
        line.plain("client.id", 2);
        line.text("client.addr", "x");
        line.text("parent.sql", "select \u{9b}1");
        line.json("reason", r#"["query","wait"]"#);
        line.json("children", "[{\"digest\":\"d\",\"sql\":\"select \u{2028}2\"}]");
        line.json("tags", r#"{"route":"/x"}"#);
        line.finish()
    };
    let json = r#""a":1,"client":{"id":2,"addr":"x"},"parent":{"sql":"select \u009b1"},"reason":["query","wait"],"children":[{"digest":"d","sql":"select \u20282"}],"tags":{"route":"/x"}}"#;
    assert!(write(Form::Json).ends_with(&format!("\"test\",{json}\n")), "{}", write(Form::Json));
    let text = r#"a=1 client.id=2 client.addr=x parent.sql="select \u{9b}1" reason="query, wait" children="select \u{2028}2" tags="route=/x""#;
    assert!(
        write(Form::Text { colour: false }).ends_with(&format!("test {text}\n")),
        "{}",
        write(Form::Text { colour: false })
    );
    let mut line = Line::new(Form::Json, Timestamp::UNIX_EPOCH, Level::INFO, "test", "");
    line.plain("client.id", 2);
    assert!(line.finish().ends_with("\"client\":{\"id\":2}}\n"));
}

#[test]
fn a_long_field_is_cut_between_characters() {
    let long = "ä".repeat(FIELD_MAX);
    let text = line(Form::Text { colour: false }, &long);
    assert!(text.ends_with("ä…\n") && text.len() < FIELD_MAX + 100);
    let mut bounded = Bounded(String::new());
    assert!(write!(bounded, "{:?}", vec![1; 10_000_000]).is_err());
    assert!(bounded.0.len() < FIELD_MAX + 100);
}

#[test]
fn colours_only_when_asked() {
    let coloured = line(Form::Text { colour: true }, "x");
    assert_eq!(coloured, "1970-01-01T00:00:00.000Z \u{1b}[32mINFO\u{1b}[0m test value=x\n");
}

proptest! {
    #[test]
    fn any_string_stays_on_its_line_and_comes_back_from_json(value in any::<String>()) {
        let json = line(Form::Json, &value);
        let text = line(Form::Text { colour: false }, &value);
        for line in [&json, &text] {
            prop_assert!(line.ends_with('\n'));
            prop_assert!(!line[..line.len() - 1].contains(char::is_control));
        }
        let parsed: serde_json::Value = serde_json::from_str(&json).unwrap();
        prop_assert_eq!(&parsed["value"], &serde_json::Value::from(value));
    }
}
