//! The middle of a login: messages between the client and `auth::gate`, and PBKDF2 away from the worker's loop.

use super::{Guest, Rules, no_random};
use crate::auth::{Gate, Method, Proven, Seeds, Step};
use crate::observe::rejections::Reason;
use crate::protocol::encode::Complaint;
use crate::protocol::{frontend, sqlstate};
use crate::session::greeting::Greeting;
use crate::session::turned::{self, Turned};

impl Guest {
    /// Asks for whatever the rules want of this user, until it is proven or refused.
    pub(super) async fn prove(&mut self, rules: &Rules, greeting: &Greeting) -> Result<Proven, Turned> {
        self.check_room(rules)?;
        // Nothing is asked of a client that is trusted, so nothing has to be drawn for it.
        let seeds = if rules.method == Method::Trust { Seeds::default() } else { self.seeds()? };
        let credential = rules.credential(&greeting.user);
        let mut step =
            Gate::begin(rules.method, &greeting.user, credential, seeds, self.end_point.as_ref(), &mut self.talk.out);
        loop {
            step = match step {
                Step::Proven(proven) => return Ok(proven),
                Step::Refused(refusal) => {
                    self.talk.flush().await?;
                    let code = refusal.sqlstate.as_bytes().try_into().unwrap_or(sqlstate::INVALID_PASSWORD);
                    return Err(Turned::Away(
                        Reason::Login,
                        Complaint::fatal(code, refusal.message),
                        refusal.reason.to_string(),
                    ));
                }
                Step::Continue(gate) => {
                    self.talk.flush().await?;
                    // Before the rest of the message, whose length may be as wrong as its tag.
                    let tag = self.hear(async |talk| talk.peek().await).await?;
                    if tag != frontend::PASSWORD {
                        return Err(turned::unexpected(tag));
                    }
                    let message = self.hear(async |talk| talk.message().await).await?;
                    gate.hear(&message.body, &mut self.talk.out)
                }
                Step::Slow(work) => {
                    let done = tokio::task::spawn_blocking(move || {
                        let mut out = Vec::new();
                        (work.run(&mut out), out)
                    });
                    let gone = |_| Turned::Gone(Reason::Login, "the password could not be checked".to_string());
                    let (step, out) = done.await.map_err(gone)?;
                    self.talk.out.extend(out);
                    step
                }
            };
        }
    }

    fn seeds(&self) -> Result<Seeds, Turned> {
        let mut random = [0; 22];
        getrandom::fill(&mut random).map_err(no_random)?;
        let (mut nonce, mut md5_salt) = ([0; 18], [0; 4]);
        nonce.copy_from_slice(&random[..18]);
        md5_salt.copy_from_slice(&random[18..]);
        Ok(Seeds { nonce, md5_salt, mock_key: *self.lobby.mock_key() })
    }
}
