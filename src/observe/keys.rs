//! Values as keyed hashes: equal values have equal hashes, whether they come as text, as a literal or in binary, and without
//! the key a hash tells nothing. No value is kept. Pure: the key is an argument.

use crate::sql::digest::{Reading, SLOTS, Statement, Value};

mod array;

/// The key of a process; never shown, never stored.
#[derive(Clone, Copy)]
pub struct Keys {
    whole: [u64; 2],
    bytes: [u64; 2],
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Keys")
    }
}

/// A longer text names no row.
const MOST_TEXT: usize = 64;

/// OIDs of types whose values are linked, as in the server's
/// [pg_type.dat](https://github.com/postgres/postgres/blob/master/src/include/catalog/pg_type.dat).
mod oid {
    pub(super) const INT8: u32 = 20;
    pub(super) const INT2: u32 = 21;
    pub(super) const INT4: u32 = 23;
    pub(super) const NAME: u32 = 19;
    pub(super) const TEXT: u32 = 25;
    pub(super) const OID: u32 = 26;
    pub(super) const BPCHAR: u32 = 1042;
    pub(super) const VARCHAR: u32 = 1043;
    pub(super) const UUID: u32 = 2950;
}

/// Whether values of this type are looked at.
pub fn is_linkable(oid: u32) -> bool {
    use oid::{BPCHAR, INT2, INT4, INT8, NAME, OID, TEXT, UUID, VARCHAR};
    matches!(oid, INT8 | INT2 | INT4 | NAME | TEXT | OID | BPCHAR | VARCHAR | UUID)
}

/// A value, as far as it can be linked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scalar<'a> {
    /// Any integer, whatever its width.
    Integer(i64),
    /// Sixteen bytes.
    Uuid([u8; 16]),
    /// Anything else that is short.
    Text(&'a [u8]),
    /// Not to be linked.
    None,
}

impl<'a> Scalar<'a> {
    /// A value as text says it. What looks like a whole number or a uuid is one, also in a column of text: the other side is
    /// read in the same way.
    #[inline]
    pub fn text(bytes: &'a [u8]) -> Scalar<'a> {
        match integer(bytes) {
            Some(number) => Scalar::Integer(number),
            None => Scalar::no_integer(bytes),
        }
    }

    fn no_integer(bytes: &'a [u8]) -> Scalar<'a> {
        match bytes.len() {
            32 | 36 => uuid(bytes).map_or(Scalar::Text(bytes), Scalar::Uuid),
            1..=MOST_TEXT => Scalar::Text(bytes),
            _ => Scalar::None,
        }
    }

    /// A value in binary; of a type that is not known (0) by its looks.
    pub fn binary(oid: u32, bytes: &'a [u8]) -> Scalar<'a> {
        use oid::{BPCHAR, INT2, INT4, INT8, NAME, OID, TEXT, UUID, VARCHAR};
        let printable = || bytes.iter().all(|byte| (b' '..=b'~').contains(byte));
        match (oid, bytes.len()) {
            (OID, 4) => whole(bytes).map_or(Scalar::None, |n| Scalar::Integer(i64::from(n as u32))),
            (INT2 | INT4 | INT8, _) => whole(bytes).map_or(Scalar::None, Scalar::Integer),
            (UUID, 16) => bytes.try_into().map_or(Scalar::None, Scalar::Uuid),
            (NAME | TEXT | BPCHAR | VARCHAR, _) => Scalar::text(bytes),
            (0, 2 | 4 | 8) if !printable() => whole(bytes).map_or(Scalar::None, Scalar::Integer),
            (0, 16) if !printable() => bytes.try_into().map_or(Scalar::None, Scalar::Uuid),
            (0, _) => Scalar::text(bytes),
            _ => Scalar::None,
        }
    }

    /// The only value of an array that was sent for a parameter of this type, 0 where that is not known: what asks for `= ANY ($1)`
    /// with one asks for that one. `None` of what is no array by its looks.
    #[inline]
    pub fn only(oid: u32, is_binary: bool, bytes: &'a [u8]) -> Option<Scalar<'a>> {
        match is_binary {
            _ if is_linkable(oid) => None,
            true => array::binary(bytes),
            false => array::text(bytes),
        }
    }

    /// What a literal says.
    pub fn literal(value: &Value<'a>) -> Scalar<'a> {
        match *value {
            Value::Text(literal) => {
                literal.plain().map_or(Scalar::None, |text| array::text(text).unwrap_or(Scalar::text(text)))
            }
            Value::Number { negative, digits } => match integer(digits) {
                Some(number) => Scalar::Integer(if negative { number.wrapping_neg() } else { number }),
                None => Scalar::None,
            },
            Value::Parameter(_) => Scalar::None,
        }
    }
}

/// A statement's reading, and what its text says of values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Shape {
    /// Without its values.
    pub reading: Reading,
    /// All its literals together, keyed; 0 for none.
    pub literals: u32,
    /// For each slot that holds a literal its hash, otherwise 0.
    pub values: [u32; SLOTS],
}

impl Keys {
    /// From sixteen random bytes.
    pub fn new(seed: [u8; 16]) -> Keys {
        let seed = u128::from_le_bytes(seed);
        let (low, high) = (seed as u64, (seed >> 64) as u64);
        Keys { whole: [low, mix(high, GOLDEN) | 1], bytes: [mix(low ^ GOLDEN, high | 1), mix(low, high ^ GOLDEN) | 1] }
    }

    /// 0 for what is not to be linked, and never for anything else.
    #[inline]
    pub fn scalar(&self, scalar: Scalar<'_>) -> u32 {
        match scalar {
            Scalar::Integer(number) => self.integer(number),
            Scalar::Uuid(bytes) => short(self.bytes(&bytes)),
            Scalar::Text(bytes) => short(self.bytes(bytes)),
            Scalar::None => 0,
        }
    }

    /// A whole number.
    #[inline]
    pub fn integer(&self, number: i64) -> u32 {
        short(mix(mix(number as u64 ^ self.whole[0], self.whole[1]) ^ self.bytes[0], GOLDEN))
    }

    /// Any bytes, whole texts among them: no two of those may be taken for one another.
    #[inline]
    pub fn bytes(&self, bytes: &[u8]) -> u64 {
        let mut hash = self.bytes[0] ^ (bytes.len() as u64).wrapping_mul(GOLDEN);
        let (pairs, rest) = bytes.as_chunks::<16>();
        for pair in pairs {
            let pair = u128::from_le_bytes(*pair);
            hash = mix(hash ^ pair as u64, self.bytes[1] ^ (pair >> 64) as u64);
        }
        let (chunks, rest) = rest.as_chunks::<8>();
        for chunk in chunks {
            hash = mix(hash ^ u64::from_le_bytes(*chunk), self.bytes[1]);
        }
        let last = rest.iter().fold(0, |word, byte| word << 8 | u64::from(*byte));
        mix(mix(hash ^ last, self.bytes[1]) ^ self.whole[0], GOLDEN)
    }

    /// One more piece into a hash of several.
    #[inline]
    pub fn join(&self, all: u64, next: u64) -> u64 {
        mix(all.rotate_left(23) ^ next ^ self.whole[0], self.bytes[1])
    }

    /// One more value into a hash of several.
    #[inline]
    pub fn join_values(&self, all: u32, next: u32) -> u32 {
        short(self.join(u64::from(all), u64::from(next)))
    }

    /// A statement with what its text says of values.
    pub fn shape(&self, statement: &Statement<'_>) -> Shape {
        let reading = statement.reading;
        let mut values = [0; SLOTS];
        let used = usize::from(reading.used).min(SLOTS);
        for (hash, value) in values.iter_mut().zip(&statement.values[..used]) {
            *hash = self.scalar(Scalar::literal(value));
        }
        let literals = if statement.literals == 0 { 0 } else { self.integer(statement.literals as i64) };
        Shape { reading, literals, values }
    }
}

/// 2^64 by the golden ratio, odd.
const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

/// Half is enough for values: it takes several of a result to prove anything.
#[inline]
fn short(hash: u64) -> u32 {
    (hash as u32).max(1)
}

/// Both halves of a product.
#[inline]
fn mix(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    product as u64 ^ (product >> 64) as u64
}

/// A whole number as Postgres writes one.
#[inline]
fn integer(text: &[u8]) -> Option<i64> {
    match text {
        [b'0'] => Some(0),
        [b'1'..=b'9', ..] => natural(text),
        [b'-', digits @ ..] if digits.first() != Some(&b'0') => natural(digits).map(|number| -number),
        _ => None,
    }
}

/// Up to eighteen digits.
#[inline]
fn natural(digits: &[u8]) -> Option<i64> {
    if digits.is_empty() || digits.len() > 18 {
        return None;
    }
    let mut number = 0_i64;
    for byte in digits {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        number = number * 10 + i64::from(digit);
    }
    Some(number)
}

fn whole(bytes: &[u8]) -> Option<i64> {
    match bytes.len() {
        2 => bytes.try_into().ok().map(|bytes| i64::from(i16::from_be_bytes(bytes))),
        4 => bytes.try_into().ok().map(|bytes| i64::from(i32::from_be_bytes(bytes))),
        8 => bytes.try_into().ok().map(i64::from_be_bytes),
        _ => None,
    }
}

/// `8-4-4-4-12` hexadecimal digits, or all 32 without a dash: some drivers write literals so.
fn uuid(text: &[u8]) -> Option<[u8; 16]> {
    let starts = match text.len() {
        36 if [8, 13, 18, 23].iter().all(|at| text[*at] == b'-') => UUID_BYTES,
        32 => std::array::from_fn(|at| 2 * at),
        _ => return None,
    };
    let mut wrong = 0;
    let bytes = starts.map(|at| {
        let [high, low] = [text[at], text[at + 1]].map(|digit| HEX[usize::from(digit)]);
        wrong |= high | low;
        high << 4 | low & 0xf
    });
    (wrong <= 0xf).then_some(bytes)
}

/// Where the bytes of a uuid with dashes stand.
const UUID_BYTES: [usize; 16] = [0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34];

/// What each byte is as a hexadecimal digit, 0xff for none.
const HEX: [u8; 256] = {
    let mut digits = [0xff; 256];
    let mut n = 0;
    while n < 16 {
        let digit = b"0123456789abcdef"[n];
        digits[digit as usize] = n as u8;
        digits[digit.to_ascii_uppercase() as usize] = n as u8;
        n += 1;
    }
    digits
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::digest;

    const UUID: &str = "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11";

    /// All in a line are one value, and no two lines are.
    #[test]
    fn one_value_has_one_hash() {
        let keys = Keys::new([7; 16]);
        let text = |text: &str| keys.scalar(Scalar::text(text.as_bytes()));
        let binary = |oid, bytes: &[u8]| keys.scalar(Scalar::binary(oid, bytes));
        let uuid = 0xa0ee_bc99_9c0b_4ef8_bb6d_6bb9_bd38_0a11_u128.to_be_bytes();
        let (small, middle, large) = (42_i16.to_be_bytes(), 42_i32.to_be_bytes(), 42_i64.to_be_bytes());
        let lines = [
            vec![text("42"), binary(oid::INT2, &small), binary(oid::INT4, &middle), binary(oid::INT8, &large)],
            vec![text("-42"), binary(0, &(-42_i32).to_be_bytes())],
            vec![text("042")],
            vec![text("42.0")],
            vec![text("-0")],
            vec![text("ab"), binary(oid::VARCHAR, b"ab"), binary(0, b"ab")],
            vec![text(UUID), text(&UUID.replace('-', "")), binary(oid::UUID, &uuid), binary(0, &uuid)],
            vec![text("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a1g")],
            vec![text("9223372036854775807")],
        ];
        let more = [binary(oid::OID, &42_u32.to_be_bytes()), binary(0, &large), binary(oid::TEXT, b"42")];
        assert!(more.iter().all(|hash| *hash == lines[0][0]));
        let mut seen = Vec::new();
        for line in &lines {
            assert!(line.iter().all(|hash| *hash == line[0] && *hash != 0), "{line:?}");
            assert!(!seen.contains(&line[0]), "{line:?}");
            seen.push(line[0]);
        }
        let other = Keys::new([8; 16]);
        assert!(!seen.contains(&other.scalar(Scalar::text(b"42"))));
    }

    #[test]
    fn what_is_not_linked() {
        let keys = Keys::new([7; 16]);
        for scalar in [
            Scalar::text(b""),
            Scalar::text(&[b'x'; 65]),
            Scalar::binary(701, &1.5_f64.to_be_bytes()),
            Scalar::binary(oid::INT4, b"123"),
        ] {
            assert_eq!(keys.scalar(scalar), 0, "{scalar:?}");
        }
    }

    /// One value of an array is that value, and several are none.
    #[test]
    fn an_array_of_one_value_is_that_value() {
        let array = |dimensions: u32, oid: u32, count: u32, value: &[u8]| {
            let head = [dimensions, 0, oid, count, 1, value.len() as u32];
            [head.map(u32::to_be_bytes).as_flattened(), value].concat()
        };
        let uuid = 0xa0ee_bc99_9c0b_4ef8_bb6d_6bb9_bd38_0a11_u128.to_be_bytes();
        let text = |oid, text: &'static str| Scalar::only(oid, false, text.as_bytes());
        for (text_form, oid, bytes, value) in [
            ("{42}", oid::INT2, &42_i16.to_be_bytes()[..], Scalar::Integer(42)),
            ("{\"42\"}", oid::INT8, &42_i64.to_be_bytes(), Scalar::Integer(42)),
            ("{-7}", oid::INT4, &(-7_i32).to_be_bytes(), Scalar::Integer(-7)),
            ("{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11}", oid::UUID, &uuid, Scalar::Uuid(uuid)),
            ("{\"a, b\"}", oid::TEXT, b"a, b", Scalar::Text(b"a, b")),
            ("{ab}", oid::VARCHAR, b"ab", Scalar::Text(b"ab")),
        ] {
            assert_eq!(text(0, text_form), Some(value), "{text_form}");
            // int4[]
            for oid_of_array in [0, 1007] {
                assert_eq!(Scalar::only(oid_of_array, true, &array(1, oid, 1, bytes)), Some(value), "{text_form}");
            }
        }
        for several in ["{1,2}", "{}", "{NULL}", "{{1}}", r#"{"a","b"}"#, r#"{"a\b"}"#, r#"{"a": 1}"#] {
            assert!(matches!(text(0, several), Some(Scalar::None)), "{several}");
        }
        assert_eq!((text(oid::TEXT, "{42}"), text(0, "42"), text(0, "{"), text(0, "")), (None, None, None, None));
        let int = 42_i32.to_be_bytes();
        let other =
            [array(1, oid::INT4, 2, &int), array(2, oid::INT4, 1, &int), array(1, 701, 1, &[0; 8]), int.to_vec()];
        for bytes in other.iter().chain([&array(1, oid::INT4, 1, &int)[..27].to_vec()]) {
            assert_eq!(Scalar::only(0, true, bytes), None, "{bytes:?}");
        }
        let (keys, sql) = (Keys::new([7; 16]), b"select * from t where a = any('{42}')");
        let shape = keys.shape(&digest::statements(sql, false).next().unwrap());
        assert_eq!(shape.values[0], keys.integer(42));
    }

    #[test]
    fn literals_have_the_hash_of_their_parameters() {
        let keys = Keys::new([7; 16]);
        let text = format!("select * from t where a = 42 and b = -7 and c = '{UUID}' and d = $1 and e = 'x''y'");
        let statement = digest::statements(text.as_bytes(), false).next().unwrap();
        let shape = keys.shape(&statement);
        let expected = ["42", "-7", UUID].map(|text| keys.scalar(Scalar::text(text.as_bytes())));
        assert_eq!(shape.values[0], expected[0]);
        assert_eq!(shape.values[2], expected[2]);
        assert_eq!(shape.values[3..], [0; 5]);
        assert_ne!(shape.literals, 0);
    }
}
