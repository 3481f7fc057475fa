//! What holds of every page, whatever it shows.

use super::*;

mod samples;

/// A statement that tries to be something else, in each way in which a page could be left.
const HOSTILE: [&str; 6] = [
    "SELECT '</code></pre><script>alert(1)</script>'",
    "SELECT \"\" onmouseover=\"alert(1)\" x=\"",
    "</title><img src=x onerror=alert(1)>",
    "--></svg><style>*{display:none}</style>",
    "SELECT '&lt;script&gt; &amp; \u{202e}\u{0}\u{7f}'",
    "javascript:alert(1)//' style='color:red",
];

#[test]
fn sql_stays_text() {
    for (name, html) in samples::all(&HOSTILE) {
        let lower = html.to_lowercase();
        let check = |piece: &str| assert!(!lower.contains(piece), "{name}: {piece}");
        ["<script>", "<img", "<style", "<iframe", "href=\"javascript"].into_iter().for_each(check);
        assert_eq!(lower.matches("<script").count(), 1, "{name}: only our own script");
        // A quote that were not escaped would end its attribute; all of ours are written with double quotes.
        assert!(!html.contains("\"\" onmouseover"), "{name}");
        let shown = html.contains("&lt;/code&gt;") || html.contains("&lt;/title&gt;");
        assert!(shown || ["empty", "pools", "pool", "clients"].contains(&name), "{name} shows no SQL");
    }
}

#[test]
fn the_policy_has_nothing_to_forbid() {
    for (name, html) in samples::all(&samples::REAL) {
        let check = |piece: &str| assert!(!html.contains(piece), "{name}: {piece}");
        [" style=", " onclick", " onload", "<style", "http://", "https://", "data:"].into_iter().for_each(check);
        ["NaN", "inf\"", "-inf"].into_iter().for_each(check);
    }
}

#[test]
fn pages_are_light() {
    for (name, html) in samples::all(&samples::REAL) {
        let weight = html.len() + assets::STYLE.text.len() + assets::SCRIPT.text.len() + assets::ICON.text.len();
        assert!(weight < 200 << 10, "{name} weighs {weight} bytes");
    }
}

#[test]
fn assets_are_where_pages_look_for_them() {
    for (name, html) in samples::all(&samples::REAL) {
        for asset in [assets::STYLE, assets::SCRIPT, assets::ICON] {
            assert!(html.contains(&asset.address()), "{name}");
            assert!(Asset::at(&asset.address()).is_some());
        }
    }
    assert!(Asset::at("/assets/0000000000000000/style.css").is_none());
}

#[test]
fn ids_are_unique_and_each_leads_somewhere() {
    for (name, html) in samples::all(&samples::REAL) {
        let mut ids: Vec<&str> = html.split(" id=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
        let all = ids.len();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), all, "{name}: {ids:?}");
        assert!(!html.contains("href=\"\""), "{name}");
    }
}
