//! A value of whatever type a column or a parameter has, as far as the corpus uses them.

use std::error::Error;

use bytes::BytesMut;
use tokio_postgres::types::{FromSql, IsNull, Kind, ToSql, Type, to_sql_checked};

/// One value.
#[derive(Debug, Clone)]
pub(crate) enum Cell {
    Null,
    Int(i64),
    Text(String),
    /// A uuid as it is on the wire.
    Uuid(Vec<u8>),
    List(Vec<Cell>),
}

impl<'a> FromSql<'a> for Cell {
    fn from_sql(ty: &Type, raw: &'a [u8]) -> Result<Cell, Box<dyn Error + Sync + Send>> {
        Ok(match *ty {
            Type::INT2 => Cell::Int(i16::from_sql(ty, raw)?.into()),
            Type::INT4 => Cell::Int(i32::from_sql(ty, raw)?.into()),
            Type::INT8 => Cell::Int(i64::from_sql(ty, raw)?),
            Type::TEXT | Type::VARCHAR => Cell::Text(String::from_sql(ty, raw)?),
            Type::UUID => Cell::Uuid(raw.to_vec()),
            _ => Cell::Null,
        })
    }

    fn from_sql_null(_: &Type) -> Result<Cell, Box<dyn Error + Sync + Send>> {
        Ok(Cell::Null)
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}

impl ToSql for Cell {
    fn to_sql(&self, ty: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        match (self, ty) {
            (Cell::Null, _) => Ok(IsNull::Yes),
            (Cell::Int(number), &Type::INT2) => i16::try_from(*number)?.to_sql(ty, out),
            (Cell::Int(number), &Type::INT4) => i32::try_from(*number)?.to_sql(ty, out),
            (Cell::Int(number), &Type::INT8) => number.to_sql(ty, out),
            (Cell::Text(text), _) => text.to_sql(ty, out),
            (Cell::Uuid(raw), _) => {
                out.extend_from_slice(raw);
                Ok(IsNull::No)
            }
            (Cell::List(members), ty) if matches!(ty.kind(), Kind::Array(_)) => members.to_sql(ty, out),
            _ => Err(format!("{self:?} as {ty}").into()),
        }
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}
