//! What a Bind says of the values of a statement: hashes for those that may link it to another, one hash for all of them,
//! themselves only where they may be kept. Pure.
//!
//! <https://www.postgresql.org/docs/current/protocol-message-formats.html#PROTOCOL-MESSAGE-FORMATS-BIND>

use crate::config::Parameters;
use crate::observe::keys::{Keys, Scalar, Shape};
use crate::observe::lore::Lore;
use crate::protocol::frame::cut_value;
use crate::protocol::frontend::Bind;
use crate::sql::digest::{SLOTS, Statement, Value};

use super::tape::Bound;

/// A longer value is cut where it is kept.
const MOST_PLAIN: usize = 256;

/// Values that are kept of one statement.
const MOST_KEPT: usize = 64;

/// Reads the values of a statement.
#[derive(Debug, Clone, Copy)]
pub struct Reader<'a> {
    /// Hashes them.
    pub keys: &'a Keys,
    /// Whether they may be kept.
    pub keep: Parameters,
}

/// A value that is kept; `None` for NULL.
type Kept = Option<Box<str>>;

impl Reader<'_> {
    /// Of a Bind's body; of one that is not all there, nothing but the statement.
    pub fn bind(&self, body: Option<&[u8]>, shape: Shape, lore: &Lore) -> Bound {
        let mut bound = Bound {
            reading: shape.reading,
            parameters: shape.literals,
            values: shape.values,
            columns: lore.columns.clone(),
            ..Bound::default()
        };
        if let Some(body) = body {
            let mut kept = (self.keep != Parameters::Off).then(Vec::new);
            let _ = self.read(body, &lore.types, &mut bound, &mut kept);
            bound.plain = kept.filter(|kept| !kept.is_empty()).map(Vec::into_boxed_slice);
        }
        bound
    }

    /// Of a text with its literals.
    pub fn text(&self, statement: &Statement<'_>) -> Bound {
        let shape = self.keys.shape(statement);
        let used = usize::from(shape.reading.used).min(SLOTS);
        let plain = match self.keep {
            Parameters::Off => None,
            _ => Some(statement.values[..used].iter().map(|value| self.keep_literal(value)).collect()),
        };
        Bound { reading: shape.reading, parameters: shape.literals, values: shape.values, plain, ..Bound::default() }
    }

    fn read(&self, body: &[u8], types: &[u32], bound: &mut Bound, kept: &mut Option<Vec<Kept>>) -> Option<()> {
        let rest = body.get(Bind::read(body)?.front()..)?;
        let (formats, rest) = codes(rest)?;
        let (count, mut rest) = rest.split_first_chunk::<2>()?;
        let slots = bound.reading;
        for number in 0..u16::from_be_bytes(*count) {
            let value;
            (value, rest) = cut_value(rest)?;
            let oid = types.get(usize::from(number)).copied().unwrap_or(0);
            let is_binary = format(formats, number) != 0;
            let scalar = match value {
                None => Scalar::None,
                Some(bytes) if is_binary => Scalar::binary(oid, bytes),
                Some(bytes) => Scalar::text(bytes),
            };
            let only = value.and_then(|bytes| Scalar::only(oid, is_binary, bytes));
            let hash = self.keys.scalar(only.unwrap_or(scalar));
            bound.parameters = self.keys.join_values(bound.parameters, self.whole(value, hash));
            for (slot, hashed) in slots.slots().iter().zip(&mut bound.values) {
                if u16::from(*slot) == number + 1 {
                    *hashed = hash;
                }
            }
            if let Some(kept) = kept.as_mut().filter(|kept| kept.len() < MOST_KEPT) {
                kept.push(value.map(|bytes| self.keep_value(bytes, scalar)));
            }
        }
        bound.formats = result_formats(codes(rest)?.0);
        Some(())
    }

    /// For the hash of all values: of those that cannot be linked, too.
    fn whole(&self, value: Option<&[u8]>, hash: u32) -> u32 {
        match value {
            Some(bytes) if hash == 0 => self.keys.scalar(Scalar::Text(bytes)),
            _ => hash,
        }
    }

    fn keep_value(&self, bytes: &[u8], scalar: Scalar<'_>) -> Box<str> {
        match (self.keep, scalar) {
            (Parameters::Plain, Scalar::Integer(number)) => number.to_string().into(),
            (Parameters::Plain, _) => plain(bytes),
            _ => hashed(self.keys.bytes(bytes)),
        }
    }

    fn keep_literal(&self, value: &Value<'_>) -> Kept {
        let (sign, bytes) = match *value {
            Value::Text(literal) => ("", literal.raw),
            Value::Number { negative, digits } => (if negative { "-" } else { "" }, digits),
            Value::Parameter(_) => return None,
        };
        Some(match self.keep {
            Parameters::Plain => format!("{sign}{}", plain(bytes)).into(),
            _ => hashed(self.keys.bytes(bytes)),
        })
    }
}

/// Enough to tell two values apart, too little to find one.
fn hashed(hash: u64) -> Box<str> {
    format!("#{:08x}", hash as u32).into()
}

fn plain(bytes: &[u8]) -> Box<str> {
    let cut = &bytes[..bytes.len().min(MOST_PLAIN)];
    match std::str::from_utf8(cut) {
        Ok(text) if !text.contains('\0') => text.into(),
        Err(error) if error.error_len().is_none() => String::from_utf8_lossy(&cut[..error.valid_up_to()]).into(),
        _ => cut.iter().fold("\\x".to_string(), |text, byte| text + &format!("{byte:02x}")).into(),
    }
}

/// A list of format codes, two bytes each, and what follows it.
fn codes(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (count, rest) = bytes.split_first_chunk::<2>()?;
    rest.split_at_checked(2 * usize::from(u16::from_be_bytes(*count)))
}

/// The code of the value with this number: none given is text, one is for all.
fn format(codes: &[u8], number: u16) -> u8 {
    match codes.len() {
        0 => 0,
        2 => codes[1],
        _ => codes.get(2 * usize::from(number) + 1).copied().unwrap_or(0),
    }
}

/// Which columns come in binary, as bits.
fn result_formats(codes: &[u8]) -> u64 {
    match codes.len() {
        0 => 0,
        2 => u64::from(codes[1] == 1) * u64::MAX,
        _ => codes.chunks_exact(2).take(64).zip(0..).fold(0, |bits, (code, at)| bits | u64::from(code[1] & 1) << at),
    }
}
