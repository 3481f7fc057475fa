//! The corpus' tokio-postgres stacks: `insight fresh|kept`, statements prepared for each execution or once a connection. A
//! line of JSON says where and which scenarios, then each further line has all of them played once.

#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod cell;
mod desk;
mod story;

use std::io::BufRead;
use std::time::Duration;

use futures_util::{StreamExt, stream};
use serde_json::{Map, Value, json};

use desk::Desk;
use story::Story;

/// Requests at once; those that pause do so beside them.
const AT_ONCE: usize = 6;

/// A request that takes longer hangs.
const LONGEST: Duration = Duration::from_secs(60);

fn main() {
    let kept = std::env::args().nth(1).as_deref() == Some("kept");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut lines = std::io::stdin().lock().lines();
    let told: Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
    while let Some(Ok(_)) = lines.next() {
        println!("{}", runtime.block_on(occurrence(&told, kept)));
    }
}

/// All scenarios once.
async fn occurrence(told: &Value, kept: bool) -> Value {
    let (slow, quick): (Vec<_>, Vec<_>) =
        told["scenarios"].as_array().unwrap().iter().partition(|scenario| scenario["slow"] == true);
    let play = |scenario| play(&told["place"], scenario, kept);
    let beside = slow.len().max(1);
    let patient = stream::iter(slow).map(play).buffer_unordered(beside).collect::<Vec<_>>();
    let busy = stream::iter(quick).map(play).buffer_unordered(AT_ONCE).collect::<Vec<_>>();
    let (patient, busy) = tokio::join!(patient, busy);
    let (mut asked, mut failed) = (Map::new(), Map::new());
    for (name, outcome) in patient.into_iter().chain(busy) {
        match outcome {
            Ok(count) => asked.insert(name, count.into()),
            Err(why) => failed.insert(name, why.into()),
        };
    }
    json!({ "asked": asked, "failed": failed })
}

/// One request: its name, and how many statements it asked for.
async fn play(place: &Value, scenario: &Value, kept: bool) -> (String, Result<usize, String>) {
    let name = scenario["name"].as_str().unwrap().to_owned();
    let told = async {
        let size = scenario["pool"].as_u64().unwrap() as usize;
        let desk = Desk::open(place, &name, size, kept).await.map_err(|error| error.to_string())?;
        let mut story = Story::new(&desk);
        story.play(scenario["story"].as_array().unwrap()).await.map_err(|error| format!("{error:?}"))?;
        Ok(story.asked)
    };
    let outcome = tokio::time::timeout(LONGEST, told).await.unwrap_or_else(|_| Err("took too long".to_owned()));
    (name, outcome)
}
