//! Plays a story of loops.py over a desk, as programs/story.py does it for Python.

use std::collections::HashMap;
use std::pin::Pin;
use std::time::Duration;

use futures_util::future::try_join_all;
use serde_json::Value;
use tokio_postgres::Error;

use crate::cell::Cell;
use crate::desk::{Desk, Row};

/// One run.
#[derive(Clone)]
pub(crate) struct Story<'a> {
    desk: &'a Desk,
    rows: HashMap<String, Vec<Row>>,
    at: HashMap<String, Row>,
    /// Statements so far.
    pub(crate) asked: usize,
}

type Played<'b> = Pin<Box<dyn Future<Output = Result<(), Error>> + 'b>>;

impl<'a> Story<'a> {
    /// At its beginning.
    pub(crate) fn new(desk: &'a Desk) -> Story<'a> {
        Story { desk, rows: HashMap::new(), at: HashMap::new(), asked: 0 }
    }

    /// Step by step.
    pub(crate) fn play<'b>(&'b mut self, steps: &'b [Value]) -> Played<'b> {
        Box::pin(async move {
            for step in steps {
                self.step(step).await?;
            }
            Ok(())
        })
    }

    async fn step(&mut self, step: &Value) -> Result<(), Error> {
        if let Some(sql) = step["ask"].as_str() {
            let values: Vec<Cell> = step["with"].as_array().unwrap().iter().map(|value| self.value(value)).collect();
            self.asked += 1;
            let rows = self.desk.ask(sql, &values).await?;
            self.rows.insert(step["as"].as_str().unwrap_or_default().to_owned(), rows);
        } else if let Some(steps) = step["do"].as_array() {
            self.each(step, steps).await?;
        } else if let Some(parts) = step["beside"].as_array() {
            let parts = parts.iter().map(|part| (self.branch(None), part.as_array().unwrap().as_slice()));
            self.at_once(parts.collect()).await?;
        } else if let Some(seconds) = step["pause"].as_f64() {
            tokio::time::sleep(Duration::from_secs_f64(seconds)).await;
        } else if let Some(steps) = step["fails"].as_array() {
            assert!(self.play(steps).await.is_err(), "a step that had to fail did not");
        }
        Ok(())
    }

    async fn each(&mut self, step: &Value, steps: &[Value]) -> Result<(), Error> {
        let row = step["row"].as_str().unwrap();
        let chosen = self.chosen(step);
        if step["at_once"] == true {
            let branches = chosen.into_iter().map(|found| (self.branch(Some((row, found))), steps));
            return self.at_once(branches.collect()).await;
        }
        for found in chosen {
            self.at.insert(row.to_owned(), found);
            self.play(steps).await?;
        }
        Ok(())
    }

    async fn at_once(&mut self, mut branches: Vec<(Story<'a>, &[Value])>) -> Result<(), Error> {
        try_join_all(branches.iter_mut().map(|(branch, steps)| branch.play(steps))).await?;
        self.asked += branches.iter().map(|(branch, _)| branch.asked).sum::<usize>();
        Ok(())
    }

    fn branch(&self, at: Option<(&str, Row)>) -> Story<'a> {
        let mut branch = Story { asked: 0, ..self.clone() };
        branch.at.extend(at.map(|(name, row)| (name.to_owned(), row)));
        branch
    }

    /// The rows of a loop, in its order.
    fn chosen(&self, step: &Value) -> Vec<Row> {
        let source = match step["values"].as_array() {
            Some(values) => values.iter().map(|value| Row::from([("value".to_owned(), literal(value))])).collect(),
            None => self.rows[step["each"].as_str().unwrap()].clone(),
        };
        match step["order"].as_array() {
            Some(order) => order.iter().map(|index| source[index.as_u64().unwrap() as usize].clone()).collect(),
            None => source,
        }
    }

    fn value(&self, value: &Value) -> Cell {
        let column = value["column"].as_str().unwrap_or_default();
        if let Some(row) = value["row"].as_str() {
            self.at[row][column].clone()
        } else if let Some(rows) = value["last"].as_str() {
            self.rows[rows].last().unwrap()[column].clone()
        } else if let Some(rows) = value["all"].as_str() {
            Cell::List(self.rows[rows].iter().map(|row| row[column].clone()).collect())
        } else {
            literal(value)
        }
    }
}

fn literal(value: &Value) -> Cell {
    value.as_i64().map_or_else(|| Cell::Text(value.as_str().unwrap_or_default().to_owned()), Cell::Int)
}
