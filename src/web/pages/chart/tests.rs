//! Small pictures, letter by letter, and what they must never contain.

use super::*;

const AXIS: Axis = Axis { begin: 1_795_341_600, step: 60, count: 4 };

fn series(name: &'static str, values: &[f64]) -> Series {
    let known = |value: &f64| (!value.is_nan()).then_some(*value);
    Series { name, class: "s-query", values: values.iter().map(known).collect() }
}

/// The values of all `d` of a picture but those of marks and the grid.
fn paths(picture: &Markup) -> Vec<String> {
    let paths = picture.0.split(" d=\"").skip(1).map(|rest| rest.split('"').next().unwrap().to_owned());
    paths.filter(|path| path != "M0 5H14" && !path.ends_with("H600")).collect()
}

#[test]
fn ends_of_axes() {
    let check = |most: f64, wanted: f64| assert!((nice(most) - wanted).abs() < 1e-9 * wanted, "{most}: {}", nice(most));
    check(0.0, 1.0);
    check(-3.0, 1.0);
    check(f64::INFINITY, 1.0);
    check(f64::NAN, 1.0);
    check(1.0, 1.0);
    check(1.1, 1.5);
    check(2.3, 3.0);
    check(37.0, 40.0);
    check(0.0007, 0.0008);
    check(51_000.0, 60_000.0);
}

#[test]
fn slots() {
    let check = |at: u32, wanted: Option<usize>| assert_eq!(AXIS.slot(at), wanted, "{at}");
    check(1_795_341_599, None);
    check(1_795_341_600, Some(0));
    check(1_795_341_659, Some(0));
    check(1_795_341_660, Some(1));
    check(1_795_341_839, Some(3));
    check(1_795_341_840, None);
}

#[test]
fn lines_break_where_nothing_is_known() {
    #[track_caller]
    fn check(values: &[f64], wanted: &str) {
        let picture = lines(&AXIS, &[series("p95", values)], None, write::ms, "x");
        assert_eq!(paths(&picture), [wanted], "{values:?}");
    }
    check(&[0.0, 50.0, 100.0, 0.0], "M75 120L225 60L375 0L525 120");
    check(&[100.0, f64::NAN, 100.0, 50.0], "M75 0h1M375 0L525 60");
    check(&[f64::NAN; 4], "");
    check(&[0.0; 4], "M75 120L225 120L375 120L525 120");
}

#[test]
fn a_limit_is_on_the_picture() {
    let limit = Some(Limit { at: 20.0, name: "size" });
    let picture = lines(&AXIS, &[series("busy", &[1.0; 4])], limit, write::count, "x");
    assert!(picture.0.contains("class=\"limit\" d=\"M0 0H600\""), "{}", picture.0);
}

#[test]
fn areas_are_stacked() {
    let picture = area(&AXIS, &[series("wait", &[1.0; 4]), series("query", &[1.0; 4])], write::count, "x");
    let [lower, upper] = paths(&picture).try_into().unwrap();
    assert_eq!(lower, "M0 60L75 60L225 60L375 60L525 60L600 60L600 120L0 120Z");
    assert!(upper.starts_with("M0 0L75 0") && upper.ends_with("L75 60L0 60Z"), "{upper}");
    let gaps = area(&AXIS, &[series("a", &[1.0, f64::NAN, f64::NAN, 1.0])], write::count, "x");
    assert_eq!(paths(&gaps), ["M0 0L75 0L150 0L150 120L0 120ZM450 0L525 0L600 0L600 120L450 120Z"]);
    let nothing = area(&AXIS, &[series("a", &[])], write::count, "x");
    assert_eq!(paths(&nothing), [""]);
}

#[test]
fn heat_joins_neighbours() {
    let band = |name: &str, counts: &[f64]| Band { name: name.to_owned(), counts: counts.to_vec() };
    let bands = [band("slow", &[0.0, 0.0, 9.0, 1.0]), band("fast", &[5.0, 7.0, 1.0, 99.0])];
    let picture = heat(&AXIS, &bands, write::count, "x").0;
    let cells: Vec<&str> =
        picture.split("<rect class=\"").skip(1).map(|rest| rest.split('>').next().unwrap()).collect();
    let wanted = [
        "heat-4\" x=\"300\" y=\"0\" height=\"13\" width=\"150\"",
        "heat-1\" x=\"450\" y=\"0\" height=\"13\" width=\"150\"",
        "heat-4\" x=\"0\" y=\"14\" height=\"13\" width=\"300\"",
        "heat-2\" x=\"300\" y=\"14\" height=\"13\" width=\"150\"",
        "heat-4\" x=\"450\" y=\"14\" height=\"13\" width=\"150\"",
    ];
    assert_eq!(cells, wanted);
    assert!(picture.contains("slow: 9 of 10, 90 %"), "{picture}");
}

#[test]
fn parts_of_a_bar() {
    let part = |value: f64| Piece { name: "wait", class: "s-wait", value };
    let picture = pieces(&[part(30.0), part(0.0), part(10.0)], 0.5, "why").0;
    assert!(picture.contains("x=\"0\" width=\"37.5\"") && picture.contains("x=\"37.5\" width=\"12.5\""), "{picture}");
    assert_eq!(picture.matches("<rect").count(), 2, "{picture}");
    assert_eq!(pieces(&[part(0.0)], 1.0, "why").0.matches("<rect").count(), 0);
}

#[test]
fn nothing_gives_a_picture_without_nonsense() {
    let none: [Markup; 5] = [
        bars(&[], "x"),
        heat(&AXIS, &[], write::count, "x"),
        spark(&[], "x"),
        waterfall(&[]),
        lines(&Axis { count: 0, ..AXIS }, &[], None, write::ms, "x"),
    ];
    for picture in none {
        assert!(!picture.0.contains("NaN") && !picture.0.contains("inf"), "{}", picture.0);
    }
    assert_eq!(paths(&spark(&[0.0, 2.0], "x")), ["M0 90V85l1 -80V90Z"]);
}

#[test]
fn names_are_escaped() {
    let hostile = "</title><script>alert(1)</script>";
    let run = Run { name: hostile.to_owned(), is_parent: true, begin_ms: 0.0, wait_ms: 1.0, query_ms: 1.0 };
    for picture in [waterfall(&[run]), bars(&[(hostile.to_owned(), 1)], hostile), spark(&[1.0], "\"><script>")] {
        assert!(!picture.0.contains("<script"), "{}", picture.0);
    }
}
