//! The attributes of a SCRAM message: `r=…,s=…,i=…`, in the order that RFC 5802 fixes. Not what their values mean. Pure.

/// What is wrong with a message, for the log.
pub(super) type Complaint = &'static str;

/// A reader that goes over the attributes once, from left to right.
pub(super) struct Attributes<'a> {
    rest: Option<&'a [u8]>,
}

impl<'a> Attributes<'a> {
    pub(super) fn of(message: &'a [u8]) -> Self {
        Attributes { rest: Some(message) }
    }

    /// The value of the next attribute, which must be `letter`; `otherwise` is the complaint.
    pub(super) fn expect(&mut self, letter: u8, otherwise: Complaint) -> Result<&'a [u8], Complaint> {
        match self.next().transpose()? {
            Some((b'm', _)) => Err("a mandatory extension (m=) is not supported"),
            Some((found, value)) if found == letter => Ok(value),
            _ => Err(otherwise),
        }
    }

    /// Goes over what is left, which may only be extensions: their letters are unknown, and RFC 5802 says to ignore them.
    pub(super) fn ignore_extensions(self) -> Result<(), Complaint> {
        for attribute in self {
            if RESERVED.contains(&attribute?.0) {
                return Err("an attribute is doubled or out of place");
            }
        }
        Ok(())
    }
}

/// The letters that have a meaning and therefore a place.
const RESERVED: &[u8] = b"anmrcsipve";

impl<'a> Iterator for Attributes<'a> {
    type Item = Result<(u8, &'a [u8]), Complaint>;

    fn next(&mut self) -> Option<Self::Item> {
        let rest = self.rest.take()?;
        let mut parts = rest.splitn(2, |&byte| byte == b',');
        let attribute = parts.next()?;
        self.rest = parts.next();
        Some(parse(attribute))
    }
}

fn parse(attribute: &[u8]) -> Result<(u8, &[u8]), Complaint> {
    match attribute {
        [letter, b'=', value @ ..] if letter.is_ascii_alphabetic() && !value.contains(&0) => Ok((*letter, value)),
        _ => Err("not an attribute: a letter, an equals sign and a value are expected"),
    }
}
