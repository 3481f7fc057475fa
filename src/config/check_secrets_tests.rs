//! A complaint shows no secret, wherever somebody has written it.

use super::*;

#[test]
fn a_password_in_the_wrong_place_is_not_shown() {
    for (text, secrets) in [
        ("[users.b]\npasword = 'hush'", 1),
        ("[users.b]\nsecrt = 'hush'", 1),
        ("users.b = 'hush'", 1),
        ("[users.b]\npassword = { plain = 'hush' }", 1),
        ("databases.b = 'postgres://app:hush@db/app'", 1),
        ("databases.b = 'host=db user=app password=hush'", 1),
        ("[databases.b]\nurll = 'postgres://app:hush@db/app'\npasswort = 'hush'", 2),
        ("[databases.b]\nhost = 'postgres://app:hush@db/app'", 1),
        ("[pool]\npassword = 'hush'\ndatabase_url = 'postgres://app:hush@db/app'", 2),
    ] {
        let found = mistakes(&format!("{}\n{text}", base()), "").join("\n");
        assert!(!found.contains("hush") && found.matches("***").count() == secrets, "{text}: {found}");
    }
}
