//! What a URL demands of the servers that it leads to: those that are otherwise are not taken. Pure.

/// Nothing, unless it is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Demands {
    /// `channel_binding=require`: a login that is not bound to the server's certificate is refused.
    pub binding: bool,
    /// `target_session_attrs`
    pub target: Target,
}

/// What a server must be, told by what it reports of itself at the login. Servers before PostgreSQL 14 report nothing of that and
/// are taken as they are.
///
/// <https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNECT-TARGET-SESSION-ATTRS>
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Target {
    /// Whatever it is.
    #[default]
    Any,
    /// One whose transactions may write unless they say otherwise.
    ReadWrite,
    /// One whose transactions may not.
    ReadOnly,
    /// No standby.
    Primary,
    /// A standby.
    Standby,
}

impl Target {
    /// libpq's names for them.
    pub(super) const NAMES: &[(&str, Target)] = &[
        ("any", Target::Any),
        ("read-write", Target::ReadWrite),
        ("read-only", Target::ReadOnly),
        ("primary", Target::Primary),
        ("standby", Target::Standby),
    ];

    /// What is wrong with a server that reports these: `default_transaction_read_only` and `in_hot_standby`, `on` or `off`.
    pub fn objection(self, read_only: Option<&str>, standby: Option<&str>) -> Option<&'static str> {
        let standby = standby? == "on";
        let read_only = standby || read_only? == "on";
        match self {
            Target::ReadWrite if read_only => Some("its transactions are read-only"),
            Target::ReadOnly if !read_only => Some("its transactions are not read-only"),
            Target::Primary if standby => Some("it is a standby"),
            Target::Standby if !standby => Some("it is no standby"),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_objected_to() {
        // A primary, one that is read-only by default, a standby, and one of before PostgreSQL 14.
        let servers = [(Some("off"), Some("off")), (Some("on"), Some("off")), (Some("off"), Some("on")), (None, None)];
        for (target, expected) in [
            (Target::Any, "yes yes yes yes"),
            (Target::ReadWrite, "yes no no yes"),
            (Target::ReadOnly, "no yes yes yes"),
            (Target::Primary, "yes yes no yes"),
            (Target::Standby, "no no yes yes"),
        ] {
            let taken = servers.map(|(read_only, standby)| target.objection(read_only, standby).is_none());
            assert_eq!(taken.map(|taken| if taken { "yes" } else { "no" }).join(" "), expected, "{target:?}");
        }
    }
}
