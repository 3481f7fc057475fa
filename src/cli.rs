//! The command line: its options and its help. What the options mean is in `pgweir::config`; here they are only texts, so
//! that a wrong one is reported like a wrong line of the file.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use pgweir::config::Flags;

/// A PostgreSQL connection pooler that also tells why the app is slow.
///
/// DATABASE_URL is enough: pgweir serves that database under its own name to clients that log in with the same user and
/// password. Point the app at pgweir and pgweir at Postgres.
#[derive(Parser)]
#[command(name = "pgweir", version, disable_help_subcommand = true, after_help = AFTER_HELP)]
pub(crate) struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    options: Options,
}

/// What to do; without one, run the pooler.
#[derive(Subcommand)]
enum Command {
    /// Read the configuration, print it as it would be used (secrets masked), exit 0 or 1
    Check,
}

#[derive(Args)]
struct Options {
    /// Configuration, TOML [env: PGWEIR_CONFIG]
    #[arg(short, long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The Postgres behind us, postgres://user:password@host:5432/database [env: DATABASE_URL]
    #[arg(long, global = true, value_name = "URL")]
    database_url: Option<String>,
    /// Where clients connect; several with commas [env: PGWEIR_LISTEN] [default: 127.0.0.1:6432]
    #[arg(long, global = true, value_name = "ADDR")]
    listen: Option<String>,
    /// Dashboard, metrics, API [env: PGWEIR_HTTP] [default: 127.0.0.1:6433]
    #[arg(long, global = true, value_name = "ADDR|off")]
    http: Option<String>,
    /// Threads that carry clients, 0 = decide from the cores [env: PGWEIR_WORKERS] [default: 0]
    #[arg(long, global = true, value_name = "N")]
    workers: Option<String>,
    /// How log lines are written [env: PGWEIR_LOG_FORMAT] [default: text on a terminal, json otherwise]
    #[arg(long, global = true, value_name = "text|json")]
    log_format: Option<String>,
    /// error, warn, info, debug or trace [env: PGWEIR_LOG_LEVEL] [default: info]
    #[arg(long, global = true, value_name = "LEVEL")]
    log_level: Option<String>,
}

const AFTER_HELP: &str = "\
The command line wins over the environment, the environment over the file, the file over the defaults.
Every key of the file can be set by an environment variable: [pool] pool_size is PGWEIR_POOL_POOL_SIZE,
[databases.app] url is PGWEIR_DATABASES_APP_URL; lists are separated by commas.

Signals: HUP reloads, TERM and INT drain (a second one stops at once), QUIT stops at once, USR1 pauses, USR2 resumes.
Exit status: 0, or 1 when the configuration is wrong (one line for each mistake) or pgweir cannot go on.";

/// What was asked for.
pub(crate) enum Task {
    Run,
    Check,
}

impl Cli {
    /// What to do, and with which options.
    pub(crate) fn into_task(self) -> (Task, Flags) {
        let task = self.command.map_or(Task::Run, |Command::Check| Task::Check);
        let Options { config, database_url, listen, http, workers, log_format, log_level } = self.options;
        (task, Flags { config, database_url, listen, http, workers, log_format, log_level })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    fn check(line: &str, expected: &str) {
        let got = match Cli::try_parse_from(line.split(' ')) {
            Ok(cli) => match cli.into_task() {
                (Task::Run, flags) => format!("run {}", show(flags)),
                (Task::Check, flags) => format!("check {}", show(flags)),
            },
            Err(error) => error.to_string().lines().next().unwrap_or_default().to_owned(),
        };
        assert_eq!(got.trim(), expected, "{line}");
    }

    fn show(flags: Flags) -> String {
        let config = flags.config.map(|path| path.display().to_string());
        let texts =
            [config, flags.database_url, flags.listen, flags.http, flags.workers, flags.log_format, flags.log_level];
        texts.into_iter().flatten().collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn options_before_and_after_check() {
        check("pgweir", "run");
        check("pgweir -c f --listen [::]:1 --http off --workers 2", "run f [::]:1 off 2");
        check(
            "pgweir --database-url postgres://db/a --log-format json --log-level debug",
            "run postgres://db/a json debug",
        );
        check("pgweir check --config f", "check f");
        check("pgweir --config f check --workers 1", "check f 1");
        check("pgweir -V", &format!("pgweir {}", env!("CARGO_PKG_VERSION")));
        check("pgweir --wrokers 1", "error: unexpected argument '--wrokers' found");
        check("pgweir start", "error: unrecognized subcommand 'start'");
    }

    #[test]
    fn the_definition_holds() {
        Cli::command().debug_assert();
    }
}
