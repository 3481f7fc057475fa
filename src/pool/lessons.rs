//! What servers made of startup parameters, and with what clients are therefore welcomed. Pure.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use super::interner::Interner;
use super::parameters::{Parameters, is_access};
use crate::protocol::encode;

/// A parameter that a client sends at its start: name and value.
pub type Setting = (String, String);

/// What a server makes of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Learned {
    /// It reports it, in this form.
    Reported(String),
    /// It takes it and does not report it.
    Quiet,
}

/// What a client is welcomed with.
#[derive(Debug)]
pub struct Welcome {
    /// Its parameters.
    pub parameters: Arc<Parameters>,
    /// Those that are reported, as ParameterStatus messages.
    pub statuses: Box<[u8]>,
}

impl Welcome {
    /// With these.
    pub fn new(parameters: Arc<Parameters>) -> Welcome {
        let mut statuses = Vec::new();
        parameters.all_reported().for_each(|(name, value)| encode::parameter_status(&mut statuses, name, value));
        Welcome { parameters, statuses: statuses.into() }
    }
}

/// What the servers of one pool taught.
#[derive(Debug, Default)]
pub struct Lessons {
    /// What a fresh server reports.
    fresh: Option<Arc<Parameters>>,
    /// It may report something else now.
    outdated: bool,
    learned: HashMap<Setting, Learned>,
    /// How servers show what clients have set.
    forms: HashMap<Setting, String>,
    /// And usual settings that nobody has set.
    unset: HashMap<String, String>,
    alike: Interner,
    /// The last ones, by what their clients asked for: most of an app's clients ask for the same.
    welcomes: VecDeque<(Box<[Setting]>, Arc<Welcome>)>,
}

/// More combinations of startup parameters than this are no longer remembered; clients with others ask the server.
const MOST_LEARNED: usize = 1000;

/// Welcomes that are kept.
const WELCOMES: usize = 8;

/// Postgres cuts names at this many bytes (NAMEDATALEN - 1), application_name too.
const LONGEST_NAME: usize = 63;

impl Lessons {
    /// Once a second: what nobody uses any more goes.
    pub(super) fn tidy(&mut self) {
        self.alike.tidy();
    }

    /// What a fresh server reports, once one has been seen.
    pub fn fresh(&self) -> Option<&Arc<Parameters>> {
        self.fresh.as_ref()
    }

    /// A server is open, and reports this.
    pub fn opened(&mut self, reports: Arc<Parameters>) {
        self.outdated = false;
        if self.fresh.as_ref().is_none_or(|fresh| !Arc::ptr_eq(fresh, &reports)) {
            self.fresh = Some(reports);
            self.welcomes.clear();
        }
    }

    /// What a fresh server reports has changed, for all of them.
    pub fn changed(&mut self, name: &str, value: &str) {
        let Some(fresh) = self.fresh.as_deref().filter(|fresh| fresh.reported(name) != Some(value)) else { return };
        let mut fresh = fresh.clone();
        fresh.report(name, value);
        self.fresh = Some(self.share(fresh));
        self.welcomes.clear();
    }

    /// Remembers what a server made of a parameter.
    pub fn learn(&mut self, name: &str, value: &str, learned: Learned) {
        if self.learned.len() >= MOST_LEARNED {
            self.learned.clear();
        }
        self.learned.insert((name.to_string(), value.to_string()), learned);
        self.welcomes.clear();
    }

    /// How a server has shown this value, the last time that one was asked.
    pub fn form(&self, name: &str, value: &str) -> Option<String> {
        self.forms.get(&(name.to_string(), value.to_string())).cloned()
    }

    /// A server shows this value so. Not what clients are welcomed with: another may have reason to show it otherwise.
    pub fn learn_form(&mut self, name: &str, value: &str, form: String) {
        if self.forms.len() >= MOST_LEARNED {
            self.forms.clear();
        }
        self.forms.insert((name.to_string(), value.to_string()), form);
    }

    /// How a server shows this setting where nobody has set it, the last time that one was asked.
    pub fn unset(&self, name: &str) -> Option<&str> {
        self.unset.get(name).map(String::as_str)
    }

    /// A server shows a setting so that nobody has set there.
    pub fn learn_unset(&mut self, name: String, value: String) {
        self.unset.insert(name, value);
    }

    /// Other servers come.
    pub fn forget(&mut self) {
        *self = Lessons { alike: std::mem::take(&mut self.alike), ..Lessons::default() };
    }

    /// The next server may report something else, and nobody is welcomed before it has.
    pub fn outdate(&mut self) {
        self.outdated = true;
        self.learned.clear();
        self.unset.clear();
        self.welcomes.clear();
    }

    /// The same parameters, shared with whoever has them too.
    pub fn share(&mut self, parameters: Parameters) -> Arc<Parameters> {
        self.alike.intern(Arc::new(parameters))
    }

    /// The welcome of a client that asks for this. `Err` names what a server has to be asked about first; that may be nothing
    /// but that it is there.
    pub fn welcome(&mut self, settings: &[Setting]) -> Result<Arc<Welcome>, Vec<Setting>> {
        if self.outdated {
            return Err(self.unknown(settings));
        }
        if let Some((_, welcome)) = self.welcomes.iter().find(|(asked, _)| **asked == *settings) {
            return Ok(welcome.clone());
        }
        let unknown = self.unknown(settings);
        if self.fresh.is_none() || !unknown.is_empty() {
            return Err(unknown);
        }
        let welcome = self.as_known(settings);
        self.welcomes.truncate(WELCOMES - 1);
        self.welcomes.push_front((settings.into(), welcome.clone()));
        Ok(welcome)
    }

    fn unknown(&self, settings: &[Setting]) -> Vec<Setting> {
        settings.iter().filter(|setting| self.known(setting).is_none()).cloned().collect()
    }

    /// Likewise, without what is not known.
    pub fn as_known(&mut self, settings: &[Setting]) -> Arc<Welcome> {
        let fresh = self.fresh.clone().unwrap_or_default();
        let parameters = if settings.is_empty() { fresh } else { self.compose(&fresh, settings) };
        Arc::new(Welcome::new(parameters))
    }

    fn compose(&mut self, fresh: &Parameters, settings: &[Setting]) -> Arc<Parameters> {
        let mut own = fresh.clone();
        for setting in settings {
            match self.known(setting) {
                Some(Learned::Reported(form)) => {
                    own.report(&setting.0, &form);
                    if is_access(&setting.0) {
                        own.set_quiet(&setting.0, &setting.1);
                    }
                }
                Some(Learned::Quiet) => own.set_quiet(&setting.0, &setting.1),
                None => {}
            }
        }
        self.share(own)
    }

    /// What a server makes of it, if that is known. An ordinary application_name stays as it is.
    fn known(&self, setting: &Setting) -> Option<Learned> {
        let (name, value) = setting;
        let ordinary = value.len() <= LONGEST_NAME && value.bytes().all(|byte| (32..127).contains(&byte));
        if name.eq_ignore_ascii_case("application_name") && ordinary {
            return Some(Learned::Reported(value.clone()));
        }
        self.learned.get(setting).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(text: &str) -> Vec<Setting> {
        text.split_whitespace().filter_map(|pair| pair.split_once('=')).map(|(n, v)| (n.into(), v.into())).collect()
    }

    fn reports(text: &str) -> Arc<Parameters> {
        let mut parameters = Parameters::default();
        settings(text).iter().for_each(|(name, value)| parameters.report(name, value));
        Arc::new(parameters)
    }

    /// What a client is welcomed with that asks for this: `S name value` for what it is told, `name` for what is quiet; or
    /// what a server has to be asked.
    fn welcome(lessons: &mut Lessons, asked: &str) -> String {
        match lessons.welcome(&settings(asked)) {
            Ok(welcome) => {
                let told = welcome.statuses.split(|byte| *byte == b'S').skip(1).map(|message| {
                    let words = message[4..].split(|byte| *byte == 0).map(String::from_utf8_lossy);
                    words.collect::<Vec<_>>().join(" ").trim().to_string()
                });
                let quiet = welcome.parameters.all_quiet().map(str::to_string);
                told.chain(quiet).collect::<Vec<_>>().join(", ")
            }
            Err(unknown) => format!("{unknown:?}"),
        }
    }

    #[test]
    fn what_is_outdated_is_asked_again() {
        let mut lessons = Lessons::default();
        lessons.opened(reports("zone=utc application_name=pgweir"));
        lessons.learn("q", "1", Learned::Quiet);
        assert_eq!(welcome(&mut lessons, "q=1"), "zone utc, application_name pgweir, q");
        lessons.outdate();
        assert_eq!(welcome(&mut lessons, "q=1"), r#"[("q", "1")]"#);
        assert_eq!(welcome(&mut lessons, ""), "[]");
        lessons.opened(reports("zone=CET application_name=pgweir"));
        assert_eq!(welcome(&mut lessons, ""), "zone CET, application_name pgweir");
    }

    #[test]
    fn a_server_is_asked_once() {
        let mut lessons = Lessons::default();
        assert_eq!(welcome(&mut lessons, ""), "[]");
        lessons.opened(reports("zone=utc application_name=pgweir"));
        assert_eq!(welcome(&mut lessons, ""), "zone utc, application_name pgweir");
        assert_eq!(welcome(&mut lessons, "application_name=app"), "zone utc, application_name app");
        assert_eq!(welcome(&mut lessons, "zone=CET q=1"), r#"[("zone", "CET"), ("q", "1")]"#);
        lessons.learn("zone", "CET", Learned::Reported("cet".to_string()));
        assert_eq!(welcome(&mut lessons, "zone=CET q=1"), r#"[("q", "1")]"#);
        lessons.learn("q", "1", Learned::Quiet);
        assert_eq!(welcome(&mut lessons, "zone=CET q=1"), "zone cet, application_name pgweir, q");
    }

    #[test]
    fn what_is_kept_goes_when_something_else_is_learned() {
        let mut lessons = Lessons::default();
        lessons.opened(reports("zone=utc"));
        lessons.learn("zone", "CET", Learned::Reported("cet".to_string()));
        assert_eq!(welcome(&mut lessons, "zone=CET"), "zone cet");
        lessons.learn("zone", "CET", Learned::Reported("met".to_string()));
        assert_eq!(welcome(&mut lessons, "zone=CET"), "zone met");
        lessons.opened(reports("zone=utc work=4"));
        assert_eq!(welcome(&mut lessons, "zone=CET"), "zone met, work 4");
        lessons.forget();
        assert_eq!(welcome(&mut lessons, "zone=CET"), r#"[("zone", "CET")]"#);
    }

    #[test]
    fn clients_that_ask_for_the_same_share_it() {
        let mut lessons = Lessons::default();
        lessons.opened(reports("zone=utc"));
        let asked = |n: usize| settings(&format!("application_name=app{n}"));
        let first = lessons.welcome(&asked(0)).unwrap();
        assert!(Arc::ptr_eq(&first, &lessons.welcome(&asked(0)).unwrap()));
        for n in 0..100 {
            lessons.welcome(&asked(n)).unwrap();
        }
        assert_eq!(lessons.welcomes.len(), WELCOMES);
        let again = lessons.welcome(&asked(0)).unwrap();
        assert!(Arc::ptr_eq(&first.parameters, &again.parameters));
    }
}
