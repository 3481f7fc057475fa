//! The whole way: macros of `tracing` in, lines out.

use std::sync::mpsc;

use tracing::subscriber::with_default;

use super::*;

/// What was written; read it when the guard is gone.
#[derive(Clone, Default)]
struct Out(Arc<Mutex<Vec<u8>>>);

/// A disk with room for so many bytes; what does not fit whole is written in part.
#[derive(Clone)]
struct Disk(Out, Arc<Mutex<usize>>);

impl Write for Disk {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut room = self.1.lock().unwrap();
        let count = bytes.len().min(*room);
        *room -= count;
        if count == 0 { Err(io::ErrorKind::StorageFull.into()) } else { self.0.write(&bytes[..count]) }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What stands on a disk that is full twice and has room again in the end; a number is so much more room.
#[test]
fn lines_lost_on_a_full_disk_are_told_when_there_is_room() {
    #[track_caller]
    fn check(story: &[Result<&str, usize>], wanted: &str) {
        let (file, room) = (Out::default(), Arc::new(Mutex::new(0)));
        let mut out = out::Out::new(Box::new(Disk(file.clone(), room.clone())));
        for step in story {
            match step {
                Err(more) => *room.lock().unwrap() += more,
                Ok(lines) => {
                    if out.lost() > 0 {
                        out.confess(&format!("lost {}\n", out.lost()));
                    }
                    out.write(lines);
                }
            }
        }
        assert_eq!(file.text(), wanted, "{story:?}");
    }
    check(&[Err(99), Ok("one\n"), Ok("two\nthree\n")], "one\ntwo\nthree\n");
    check(&[Err(4), Ok("one\n"), Ok("two\n"), Err(99), Ok("three\n")], "one\nlost 1\nthree\n");
    check(&[Err(6), Ok("one\ntwo\nthree\n"), Ok("four\n"), Err(99), Ok("five\n")], "one\ntw\nlost 3\nfive\n");
    check(&[Err(6), Ok("one\ntwo\n"), Err(3), Ok("three\n"), Err(99), Ok("")], "one\ntw\nlo\nlost 2\n");
    check(&[Ok("one\n"), Err(7), Ok("two\n"), Err(99), Ok("three\n")], "lost 1\nlost 1\nthree\n");
}

#[test]
fn the_log_tells_what_a_full_disk_has_lost() {
    let (file, room) = (Out::default(), Arc::new(Mutex::new(0)));
    let (lines, guard) =
        start(&settings(LogFormat::Text, LogLevel::Info, 0), false, Box::new(Disk(file.clone(), room.clone())));
    with_default(lines, || {
        tracing::info!(event = "first");
        tracing::info!(event = "second");
        // The writer has tried them.
        while guard.log.out.lock().unwrap().lost() < 2 {
            thread::yield_now();
        }
        *room.lock().unwrap() = usize::MAX;
        tracing::info!(event = "third");
    });
    drop(guard);
    let told = file.text().lines().map(without_time).collect::<Vec<_>>();
    let lost = "WARN suppressed of=* count=2 reason=\"standard error took no more\"";
    assert_eq!(told, [lost, "INFO third"]);
}

impl Write for Out {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Out {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

fn settings(format: LogFormat, level: LogLevel, max_lines_per_second: u32) -> config::Log {
    config::Log { format: Some(format), level, max_lines_per_second, log_connections: true, log_disconnections: true }
}

/// Everything that `logging` logs, flushed by the guard.
fn written(log: &config::Log, logging: impl FnOnce(&LogGuard)) -> String {
    let out = Out::default();
    let (lines, guard) = start(log, false, Box::new(out.clone()));
    with_default(lines, || logging(&guard));
    drop(guard);
    out.text()
}

/// Without the time, which is the one thing that is not known beforehand.
fn without_time(line: &str) -> String {
    let (time, rest) = line.split_once(' ').unwrap();
    assert!(time.parse::<Timestamp>().is_ok() && time.len() == "2026-11-22T10:00:00.123Z".len(), "{time}");
    rest.to_owned()
}

#[test]
fn text_lines() {
    #[track_caller]
    fn check(logging: impl FnOnce(), wanted: &str) {
        let text = written(&settings(LogFormat::Text, LogLevel::Info, 0), |_| logging());
        assert_eq!(without_time(&text), wanted);
    }
    let addr: std::net::SocketAddr = "10.0.0.7:5000".parse().unwrap();
    check(
        || tracing::info!(event = "client_login", user = "app", database = "my db", %addr),
        "INFO client_login user=app database=\"my db\" addr=10.0.0.7:5000\n",
    );
    check(
        || tracing::error!(count = 3, ok = true, event = "reload_failed", message = "no\nway"),
        "ERROR reload_failed: no\\nway count=3 ok=true\n",
    );
    check(
        || tracing::warn!(event = "x", sqlstate = Option::<&str>::None, "said {} times", 2),
        "WARN x: said 2 times\n",
    );
    check(|| tracing::warn!("without a name"), "WARN pgweir::observe::log::tests: without a name\n");
}

#[test]
fn json_lines_of_hostile_fields() {
    let hostile = "\"}\n{\"level\":\"\u{1b}[31m\u{0}\u{2028}\\";
    let text = written(&settings(LogFormat::Json, LogLevel::Info, 0), |_| {
        let error = io::Error::other(hostile);
        let bytes: &[u8] = b"\xff\n";
        tracing::info!(event = "client_login", user = hostile, ?hostile, %error, bytes, n = -1, f = f64::NAN, message = hostile);
    });
    assert_eq!(text.lines().count(), 1);
    let line: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(line["level"], "info");
    assert_eq!(line["event"], "client_login");
    assert_eq!((&line["user"], &line["error"], &line["message"]), (&hostile.into(), &hostile.into(), &hostile.into()));
    assert_eq!(line["hostile"], format!("{hostile:?}"));
    assert_eq!((&line["bytes"], &line["n"]), (&"\u{fffd}\n".into(), &(-1).into()));
    assert!(line["f"].is_null());
    assert!(line["ts"].as_str().unwrap().parse::<Timestamp>().is_ok());
}

#[test]
fn a_storm_is_counted_in_one_line() {
    let text = written(&settings(LogFormat::Json, LogLevel::Info, 2), |_| {
        (0..1000).for_each(|n| tracing::error!(event = "storm", n));
        tracing::info!(event = "calm");
    });
    let lines: Vec<serde_json::Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let told = |name: &str| lines.iter().filter(|line| line["event"] == name).count() as u64;
    let suppressed: u64 =
        lines.iter().filter(|line| line["of"] == "storm").map(|line| line["count"].as_u64().unwrap()).sum();
    // The second may turn under way, so the two numbers are not known, but their sum is.
    assert_eq!(told("storm") + suppressed, 1000);
    assert!(suppressed >= 900 && told("suppressed") >= 1, "{text}");
    assert_eq!(told("calm"), 1);
}

#[test]
fn a_reload_changes_level_and_form() {
    let text = written(&settings(LogFormat::Json, LogLevel::Warn, 0), |guard| {
        let log = || {
            tracing::info!(event = "one");
            tracing::warn!(event = "two");
        };
        log();
        guard.reload(&settings(LogFormat::Text, LogLevel::Debug, 0));
        log();
        tracing::trace!(event = "three");
        guard.reload(&settings(LogFormat::Text, LogLevel::Error, 0));
        log();
    });
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 3, "{text}");
    assert!(lines[0].starts_with('{') && lines[0].contains(r#""event":"two""#));
    assert_eq!([without_time(lines[1]), without_time(lines[2])], ["INFO one", "WARN two"]);
}

#[test]
fn other_crates_speak_only_when_something_is_wrong() {
    let text = written(&settings(LogFormat::Text, LogLevel::Trace, 0), |_| {
        tracing::info!(target: "hyper::proto", "parsed 5 headers");
        tracing::warn!(target: "hyper::proto", "odd");
    });
    assert_eq!(without_time(&text), "WARN hyper::proto: odd\n");
}

#[test]
fn what_is_logged_after_the_guard_is_still_written() {
    let out = Out::default();
    let (lines, guard) = start(&settings(LogFormat::Text, LogLevel::Info, 0), false, Box::new(out.clone()));
    with_default(lines, || {
        tracing::info!(event = "before");
        drop(guard);
        assert!(out.text().ends_with("before\n"));
        tracing::info!(event = "after");
    });
    assert!(out.text().ends_with("after\n"));
}

/// Blocks in its first write until it is told to go on.
struct Stuck {
    entered: mpsc::Sender<()>,
    go: mpsc::Receiver<()>,
    out: Out,
}

impl Write for Stuck {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let _ = self.entered.send(());
        let _ = self.go.recv();
        self.out.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_reader_that_sleeps_stops_nobody_and_the_loss_is_told() {
    let out = Out::default();
    let ((entered, is_in), (go_on, go)) = (mpsc::channel(), mpsc::channel());
    let stuck = Stuck { entered, go, out: out.clone() };
    let (lines, guard) = start(&settings(LogFormat::Text, LogLevel::Info, 0), false, Box::new(stuck));
    with_default(lines, || {
        tracing::info!(event = "first");
        is_in.recv().unwrap();
        let sql = "x".repeat(4096);
        (0..1000).for_each(|_| tracing::info!(event = "flood", sql));
    });
    drop(go_on);
    drop(guard);
    let text = out.text();
    let flood = text.lines().filter(|line| line.contains("INFO flood")).count() as u64;
    let (_, lost) = text.split_once("suppressed of=* count=").unwrap();
    let lost: u64 = lost.split(' ').next().unwrap().parse().unwrap();
    assert!(lost > 500);
    assert_eq!(flood + lost, 1000);
}

#[test]
fn format_by_terminal() {
    #[track_caller]
    fn check(format: Option<LogFormat>, is_terminal: bool, wanted: Form) {
        let log = config::Log { format, ..settings(LogFormat::Text, LogLevel::Info, 0) };
        assert_eq!(Settings::new(&log, is_terminal).form, wanted);
    }
    check(None, true, Form::Text { colour: true });
    check(None, false, Form::Json);
    check(Some(LogFormat::Text), false, Form::Text { colour: false });
    check(Some(LogFormat::Text), true, Form::Text { colour: true });
    check(Some(LogFormat::Json), true, Form::Json);
}
