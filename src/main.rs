//! Flags, logging, load, run, exit code. Not what any of them does.

#![forbid(unsafe_code)]

mod cli;

use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;

use clap::Parser;
use pgweir::app::StartError;
use pgweir::config::{Config, Mistake, Sources, mask};
use pgweir::net::tls::TlsError;
use pgweir::session::Rules;

use cli::{Cli, Task};

/// Gives freed memory back after a storm of clients.
#[global_allocator]
static GLOBAL: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let (task, flags) = match Cli::try_parse() {
        Ok(cli) => cli.into_task(),
        Err(help_or_mistake) => return print_clap(&help_or_mistake),
    };
    let sources = Sources::of_process(flags);
    let outcome = match task {
        Task::Check => check(&sources),
        Task::Run => run(sources),
    };
    outcome.unwrap_or_else(|mistakes| complain(&mistakes))
}

fn check(sources: &Sources) -> Result<ExitCode, Vec<Mistake>> {
    let checked = sources.checked()?;
    try_out(checked.config.clone())?;
    match io::stdout().write_all(checked.to_toml().as_bytes()).and_then(|()| io::stdout().flush()) {
        // Whoever closed our standard output wanted no more of it.
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(vec![Mistake::unplaced(format!("standard output: {error}"))])
        }
        _ => Ok(ExitCode::SUCCESS),
    }
}

fn run(sources: Sources) -> Result<ExitCode, Vec<Mistake>> {
    let config = sources.load()?;
    let log = pgweir::observe::log::init(&config.log, io::stderr().is_terminal());
    match pgweir::app::run(config, sources, &log) {
        Ok(()) => Ok(ExitCode::SUCCESS),
        Err(StartError::Tls(why)) => Err(misnamed(&why)),
        Err(why) => {
            tracing::error!(event = "start_failed", error = %why);
            Ok(ExitCode::FAILURE)
        }
    }
}

/// What the configuration names has to be right too: certificates, keys.
fn try_out(config: Config) -> Result<(), Vec<Mistake>> {
    let nobody = [0; 32];
    Rules::load(config, &nobody).map(drop).map_err(|why| misnamed(&why))
}

fn misnamed(why: &TlsError) -> Vec<Mistake> {
    vec![Mistake::unplaced(why.to_string())]
}

/// One line a mistake.
fn complain(mistakes: &[Mistake]) -> ExitCode {
    let mut stderr = io::stderr().lock();
    for mistake in mistakes {
        let _ = writeln!(stderr, "{mistake}");
    }
    ExitCode::FAILURE
}

/// Help and version are no mistake; for what is one, clap's own exit status would be 2. What clap shows of the command line may be
/// a URL with its password.
fn print_clap(error: &clap::Error) -> ExitCode {
    let text = error.to_string();
    match error.use_stderr() {
        false => drop(error.print()),
        true if text.contains("://") => drop(io::stderr().write_all(masked(&text).as_bytes())),
        true => drop(error.print()),
    }
    if error.use_stderr() { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

fn masked(text: &str) -> String {
    let lines = text.lines().map(|line| if line.contains("://") { mask(line) } else { line.to_owned() });
    lines.map(|line| line + "\n").collect()
}
