//! How each kind of value is read and printed: numbers, durations, words, lists, paths. Which key takes which kind is in
//! `fields`. Pure.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use super::layer::{Raw, quoted};
use super::url::ServerUrl;
use super::{AuthType, LogFormat, LogLevel, Parameters, PoolMode, TlsMode, TlsNegotiation, units};

/// A kind of value.
pub(super) trait Value: Sized {
    /// The value, or what would be right.
    fn read(raw: &Raw) -> Result<Self, String>;
    /// As TOML; `None` when it is not set.
    fn print(&self) -> Option<String>;
}

/// What is optional is not set by an empty text, as in `unix_socket_dir = ""`.
impl<T: Value> Value for Option<T> {
    fn read(raw: &Raw) -> Result<Self, String> {
        match raw {
            Raw::Bare(text) | Raw::Text(text) if text.is_empty() => Ok(None),
            raw => T::read(raw).map(Some),
        }
    }

    fn print(&self) -> Option<String> {
        self.as_ref().and_then(T::print)
    }
}

impl Value for String {
    fn read(raw: &Raw) -> Result<Self, String> {
        match raw {
            Raw::Bare(text) | Raw::Text(text) if text.contains('\0') => Err("a text without NUL".to_owned()),
            Raw::Bare(text) | Raw::Text(text) => Ok(text.clone()),
            _ => Err("a text in quotes".to_owned()),
        }
    }

    fn print(&self) -> Option<String> {
        Some(quoted(self))
    }
}

impl Value for PathBuf {
    fn read(raw: &Raw) -> Result<Self, String> {
        String::read(raw).map(PathBuf::from).map_err(|_| "a path in quotes".to_owned())
    }

    fn print(&self) -> Option<String> {
        Some(quoted(&self.to_string_lossy()))
    }
}

/// Whether it is a number that somebody may count to, however large.
fn is_whole(raw: &Raw) -> bool {
    match raw {
        Raw::Whole(number) => *number >= 0,
        Raw::Bare(text) => !text.trim().is_empty() && text.trim().bytes().all(|byte| byte.is_ascii_digit()),
        _ => false,
    }
}

macro_rules! whole_numbers {
    ($($number:ty)*) => {$(
        impl Value for $number {
            fn read(raw: &Raw) -> Result<Self, String> {
                let number = match raw {
                    Raw::Whole(number) => <$number>::try_from(*number).ok(),
                    Raw::Bare(text) => text.trim().parse().ok(),
                    Raw::Text(text) if text.parse::<$number>().is_ok() => {
                        return Err(format!("a whole number without quotes: {text}"));
                    }
                    _ => None,
                };
                number.ok_or_else(|| match is_whole(raw) {
                    true => format!("at most {}", <$number>::MAX),
                    false => "a whole number, like 20".to_owned(),
                })
            }

            fn print(&self) -> Option<String> {
                Some(self.to_string())
            }
        }
    )*};
}
whole_numbers!(u16 u32 usize);

impl Value for bool {
    fn read(raw: &Raw) -> Result<Self, String> {
        match raw {
            Raw::Truth(truth) => Ok(*truth),
            Raw::Bare(text) => text.trim().parse().map_err(|_| "true or false".to_owned()),
            _ => Err("true or false, without quotes".to_owned()),
        }
    }

    fn print(&self) -> Option<String> {
        Some(self.to_string())
    }
}

impl Value for Duration {
    fn read(raw: &Raw) -> Result<Self, String> {
        match raw {
            Raw::Bare(text) | Raw::Text(text) => units::parse_duration(text),
            Raw::Whole(0) => Ok(Duration::ZERO),
            Raw::Whole(number @ 1..) => Err(units::missing_time_unit(*number)),
            _ => units::parse_duration(""),
        }
    }

    fn print(&self) -> Option<String> {
        Some(quoted(&units::print_duration(*self)))
    }
}

impl Value for Vec<String> {
    fn read(raw: &Raw) -> Result<Self, String> {
        let wanted = || "a list of texts, like [\"one\", \"two\"]".to_owned();
        match raw {
            Raw::Bare(text) => {
                Ok(text.split(',').map(str::trim).filter(|item| !item.is_empty()).map(str::to_owned).collect())
            }
            Raw::List(items) => items.iter().map(|item| String::read(item).map_err(|_| wanted())).collect(),
            Raw::Text(text) => Err(format!("a list: [{}]", quoted(text))),
            _ => Err(wanted()),
        }
    }

    fn print(&self) -> Option<String> {
        let items: Vec<String> = self.iter().map(|item| quoted(item)).collect();
        Some(format!("[{}]", items.join(", ")))
    }
}

/// `http`: an address, or `off`.
pub(super) struct Http(pub(super) Option<SocketAddr>);

impl Value for Http {
    fn read(raw: &Raw) -> Result<Self, String> {
        let wanted = "an address and a port, like \"127.0.0.1:6433\", or \"off\"";
        let text = String::read(raw).map_err(|_| wanted.to_owned())?;
        if text == "off" {
            return Ok(Http(None));
        }
        let local = text.strip_prefix("localhost:").and_then(|port| port.parse().ok());
        let local = local.map(|port| SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port));
        local.or_else(|| text.parse().ok()).map(|addr| Http(Some(addr))).ok_or_else(|| wanted.to_owned())
    }

    fn print(&self) -> Option<String> {
        Some(self.0.map_or("\"off\"".to_owned(), |addr| format!("\"{addr}\"")))
    }
}

/// Permission bits, in octal as chmod takes them. A text, because TOML forbids a number with a leading 0.
pub(super) struct Permissions(pub(super) u32);

impl Value for Permissions {
    fn read(raw: &Raw) -> Result<Self, String> {
        let bits = match raw {
            Raw::Bare(text) | Raw::Text(text) => u32::from_str_radix(text, 8).ok(),
            _ => None,
        };
        let bits = bits.filter(|bits| *bits <= 0o777);
        bits.map(Permissions).ok_or_else(|| "octal permission bits in quotes, like \"0770\"".to_owned())
    }

    fn print(&self) -> Option<String> {
        Some(format!("\"{:04o}\"", self.0))
    }
}

impl Value for ServerUrl {
    fn read(raw: &Raw) -> Result<Self, String> {
        ServerUrl::parse(&String::read(raw)?)
    }

    /// What a URL says is printed key by key.
    fn print(&self) -> Option<String> {
        None
    }
}

macro_rules! words {
    ($type:ident: $($word:literal $variant:ident)*) => {
        impl $type {
            /// As the configuration writes them.
            pub const WORDS: &'static [&'static str] = &[$($word),*];

            /// As the configuration writes it.
            pub fn word(self) -> &'static str {
                match self { $($type::$variant => $word),* }
            }

            pub(super) fn of_word(word: &str) -> Option<Self> {
                match word { $($word => Some($type::$variant),)* _ => None }
            }
        }

        impl std::fmt::Display for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.word())
            }
        }

        impl Value for $type {
            fn read(raw: &Raw) -> Result<Self, String> {
                let word = String::read(raw).unwrap_or_default();
                $type::of_word(&word).ok_or_else(|| format!("one of {}", $type::WORDS.join(", ")))
            }

            fn print(&self) -> Option<String> {
                Some(quoted(self.word()))
            }
        }
    };
}
words!(PoolMode: "transaction" Transaction "session" Session "statement" Statement);
words!(AuthType: "trust" Trust "plain" Plain "md5" Md5 "scram-sha-256" ScramSha256);
words!(Parameters: "off" Off "hash" Hash "plain" Plain);
words!(LogFormat: "text" Text "json" Json);
words!(LogLevel: "error" Error "warn" Warn "info" Info "debug" Debug "trace" Trace);
words!(TlsNegotiation: "postgres" Postgres "direct" Direct);
words!(TlsMode: "disable" Disable "allow" Allow "prefer" Prefer "require" Require "verify-ca" VerifyCa "verify-full" VerifyFull);
