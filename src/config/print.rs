//! What `pgweir check` prints: the configuration as it will be used, as TOML, with the source of each value that somebody
//! set. Secrets are masked by `listing`. Pure.

use super::Config;
use super::layer::{KeyPath, Layer};
use super::listing::{self, Listed};

pub(super) fn toml(config: &Config, layer: &Layer) -> String {
    let mut page = Page { text: String::new(), section: KeyPath::default(), layer };
    for listed in listing::list(config) {
        page.key(&listed);
    }
    page.text
}

struct Page<'a> {
    text: String,
    section: KeyPath,
    layer: &'a Layer,
}

impl Page<'_> {
    fn key(&mut self, listed: &Listed) {
        let Some(value) = &listed.value else { return };
        let section = section_of(&listed.path);
        if self.section != section {
            let gap = if self.text.is_empty() { "" } else { "\n" };
            self.text += &format!("{gap}[{section}]\n");
            self.section = section;
        }
        let key = KeyPath(listed.path.0[self.section.0.len()..].to_vec());
        let source = self.layer.source_of(&listed.path).map(|source| format!("  # {source}")).unwrap_or_default();
        self.text += &format!("{key} = {value}{source}\n");
    }
}

/// Startup parameters stand in the section of their database.
fn section_of(path: &KeyPath) -> KeyPath {
    let of_startup = path.0.len() == 4 && path.0[2] == "startup";
    if of_startup { path.parent().parent() } else { path.parent() }
}
