//! Tokens: lines of SQL and what they are cut into.

use super::*;

/// Words stand for themselves; `"…"`, `U"…"`; strings as a letter of their kind and what is inside; numbers `#1`, parameters `$1`.
fn show(token: Token<'_>) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    match token {
        Token::Word(word) => text(word),
        Token::Quoted(name) => format!("\"{}\"", text(name)),
        Token::Escaped(name) => format!("U\"{}\"", text(name)),
        Token::Text(literal) => format!("{}<{}>", letter(literal.kind), text(literal.raw)),
        Token::Number(number) => format!("#{}", text(number)),
        Token::Parameter(number) => format!("${number}"),
        Token::Symbol(symbol) => text(&[symbol]),
    }
}

fn letter(kind: Kind) -> char {
    match kind {
        Kind::Plain => 'p',
        Kind::Escape => 'e',
        Kind::Unicode => 'u',
        Kind::National => 'n',
        Kind::Bits => 'b',
        Kind::Hex => 'x',
        Kind::Dollar => 'd',
    }
}

fn cut(sql: &[u8], backslash: bool) -> String {
    Lexer::new(sql, backslash).map(show).collect::<Vec<_>>().join(" ")
}

fn check(sql: &str, tokens: &str) {
    assert_eq!(cut(sql.as_bytes(), false), tokens, "{sql}");
}

fn check_backslash(sql: &str, tokens: &str) {
    assert_eq!(cut(sql.as_bytes(), true), tokens, "{sql}");
}

#[test]
fn words_and_names() {
    check("", "");
    check(" \t\n\r\x0b\x0c", "");
    check("SELECT a_1$b,_x", "SELECT a_1$b , _x");
    check("naïve Ünï", "naïve Ünï");
    check(r#""A b" "a""b" """" """#, r#""A b" "a""b" """" """#);
    check(r#"a."B"."#, r#"a . "B" ."#);
    check(r#"u&"d\0061t" U & "x" u&x u"y""#, r#"U"d\0061t" U & "x" u & x u "y""#);
    check("\"it's\" 'x'", "\"it's\" p<x>");
    check("e E b B x N u U", "e E b B x N u U");
}

#[test]
fn numbers_and_parameters() {
    check("1 42 3.5 4. .001 5e2 1.925e-3 1E+5", "#1 #42 #3.5 #4. #.001 #5e2 #1.925e-3 #1E+5");
    check("0x1F 0o17 0b11 1_000 1_000.5_0 0xFF_FF", "#0x1F #0o17 #0b11 #1_000 #1_000.5_0 #0xFF_FF");
    check("1..2 1.e5 1e 1ex 0x 0xg", "#1 . #.2 #1.e5 #1 e #1 ex #0 x #0 xg");
    check("1a 1_ 1__0 1FROM", "#1 a #1 _ #1 __0 #1 FROM");
    check("1e'a' 0x'1' 0b'1'", "#1 e<a> #0 x<1> #0 b<1>");
    check("-1 +2 a-1", "- #1 + #2 a - #1");
    check("$1 $23 $1$2 $1a $01", "$1 $23 $1 $2 $1 a $1");
    check("$4294967295 $4294967296 $99999999999999999999999", "$4294967295 $4294967295 $4294967295");
    check("a[1:2] b.2", "a [ #1 : #2 ] b #.2");
}

#[test]
fn strings() {
    check("'' 'a' 'it''s' '''' 'a\nb'", "p<> p<a> p<it''s> p<''> p<a\nb>");
    check(r"'a\' 'b' E'a\'' 'c'", r"p<a\> p<b> e<a\'> p<c>");
    check(r"E'a\\' e'''' E'\\\'x'", r"e<a\\> e<''> e<\\\'x>");
    check(r"U&'\0441' u&'a''b' UESCAPE '!'", r"u<\0441> u<a''b> UESCAPE p<!>");
    check(r"N'a''b' n'\' x", r"n<a''b> n<\> x");
    check("B'01' b'' X'1F' x'a'", "b<01> b<> x<1F> x<a>");
    check("B'0''1'", "b<0> p<1>");
    check("ab'c' ne'x' e 'x' E\"x\"", "ab p<c> ne p<x> e p<x> E \"x\"");
    check("'a';'b'", "p<a> ; p<b>");
}

#[test]
fn strings_with_backslashes_everywhere() {
    check_backslash(r"'a\' b' c", r"e<a\' b> c");
    check_backslash(r"'\\' c", r"e<\\> c");
    check_backslash(r"N'\'' c", r"n<\'> c");
    check_backslash(r"U&'\' c", r"u<\> c");
    check_backslash(r"B'\' c", r"b<\> c");
    check_backslash(r"$$\$$ c", r"d<\> c");
    check_backslash(r#""\" c"#, r#""\" c"#);
    check_backslash(r"B'1''\'' c", r"b<1> e<\'> c");
}

#[test]
fn strings_that_go_on() {
    check("'a'\n'b'", "p<a'\n'b>");
    check("'a' \t\r\n  'b''c' d", "p<a' \t\r\n  'b''c> d");
    check("'a' 'b'", "p<a> p<b>");
    check("'a'--x\n'b'", "p<a'--x\n'b>");
    check("'a' -- it's\n -- not it\n\n'b' c", "p<a' -- it's\n -- not it\n\n'b> c");
    check("'a' -- 'b'", "p<a>");
    check("'a'\n/* x */'b'", "p<a> p<b>");
    check("'a'/* x */\n'b'", "p<a> p<b>");
    check("'a'\n-'b'", "p<a> - p<b>");
    check("E'a'\n'\\'b' c", "e<a'\n'\\'b> c");
    check("'a'\nE'b'", "p<a> e<b>");
    check("X'1'\n'2' B'1'\r'0'", "x<1'\n'2> b<1'\r'0>");
    check("N'a'\n'b'", "n<a'\n'b>");
    check("\"a\"\n\"b\"", "\"a\" \"b\"");
    check("'a'\n'b", "");
}

#[test]
fn dollar_quotes() {
    check("$$$$ $$a$$ $x$$$ $y$ $x$", "d<> d<a> d<$$ $y$ >");
    check("$a$ $aa$ $ a$a $a$b", "d< $aa$ $ a$a > b");
    check("$a$ $b$a$ c", "d< $b> c");
    check("$$it's \" -- /*$$x", "d<it's \" -- /*> x");
    check("$$\n$$\n$$b$$", "d<\n> d<b>");
    check("a$$b$$", "a$$b$$");
    check("a $$b$$", "a d<b>");
    check("1$$b$$ $1$$b$$", "#1 d<b> $1 d<b>");
    check(")$$b$$ 'a'$$b$$", ") d<b> p<a> d<b>");
    check("$é$x$é$ $_$y$_$ $a1$z$a1$", "d<x> d<y> d<z>");
    check("$A$x$a$ $A$", "d<x$a$ >");
    check("$ $a $a-$ $1a$x$1a$", "$ $ a $ a - $ $1 a$x$1a$");
    check("$a$ $a $a", "");
}

#[test]
fn comments() {
    check("-- a\nb", "b");
    check("a--b\rc--", "a c");
    check("a - - b -> c ->> d", "a - - b - > c - > > d");
    check("a/* b */c/**/d/***/e", "a c d e");
    check("/* a /* b */ c */ d", "d");
    check("/*/ a */ b", "b");
    check("/*/*/ a */*/ b", "b");
    check("/* /*/ */ */ a", "a");
    check("a /* b", "a");
    check("a /* b /* */ c", "a");
    check("a*/*b*/c", "a * c");
    check("a+--b\nc", "a + c");
    check("@-/*x*/1 //*x*/", "@ - #1 /");
    check("-- 'a\n'b' /* 'c' */", "p<b>");
}

#[test]
fn what_never_ends() {
    for sql in
        ["'a", "'", "'a''", "E'a\\'", "E'\\", "\"a", "\"", "\"a\"\"", "$$a", "$a$ $a", "/*", "U&'", "U&\"x", "B'"]
    {
        check(&format!("x {sql}"), "x");
        let mut lexer = Lexer::new(sql.as_bytes(), false);
        assert_eq!((lexer.next(), lexer.next(), lexer.position()), (None, None, sql.len()), "{sql}");
    }
}

#[test]
fn hostile_bytes() {
    assert_eq!(Lexer::new(b"\0\x01\x7f\\", false).count(), 4);
    assert_eq!(Lexer::new(b"\xff\xfe\x80$\x81 '\xff'", false).count(), 2);
    assert_eq!(cut(b"{}`~!?\\", false), "{ } ` ~ ! ? \\");
}

#[test]
fn positions() {
    let mut lexer = Lexer::new(b" a  'b' ", false);
    assert_eq!(lexer.peek(), Some(Token::Word(b"a")));
    let mut positions = vec![lexer.position()];
    while lexer.next().is_some() {
        positions.push(lexer.position());
    }
    positions.push(lexer.position());
    assert_eq!(positions, [0, 2, 7, 8]);
}
