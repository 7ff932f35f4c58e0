//! How the data messages of a local number are laid out.

use super::developer::Extra;
use super::profile::TIMESTAMP;
use super::record::Step;

/// FIT's base types, from the five low bits of the type byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    U8,
    I8,
    U16,
    I16,
    U32,
    I32,
    U64,
    I64,
    /// Unsigned with 0 as "no value".
    U8z,
    U16z,
    U32z,
    U64z,
    F32,
    F64,
    Text,
    /// Opaque: `byte`, unknown types, and fields whose size is no multiple of their type's.
    Bytes,
}

impl Kind {
    pub(super) const fn of(type_byte: u8) -> Self {
        match type_byte & 0x1f {
            0x00 | 0x02 => Self::U8,
            0x01 => Self::I8,
            0x03 => Self::I16,
            0x04 => Self::U16,
            0x05 => Self::I32,
            0x06 => Self::U32,
            0x07 => Self::Text,
            0x08 => Self::F32,
            0x09 => Self::F64,
            0x0a => Self::U8z,
            0x0b => Self::U16z,
            0x0c => Self::U32z,
            0x0e => Self::I64,
            0x0f => Self::U64,
            0x10 => Self::U64z,
            _ => Self::Bytes,
        }
    }

    const fn size(self) -> usize {
        match self {
            Self::U8 | Self::I8 | Self::U8z | Self::Text | Self::Bytes => 1,
            Self::U16 | Self::I16 | Self::U16z => 2,
            Self::U32 | Self::I32 | Self::U32z | Self::F32 => 4,
            Self::U64 | Self::I64 | Self::U64z | Self::F64 => 8,
        }
    }
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Field {
    pub(crate) number: u8,
    pub(crate) kind: Kind,
    offset: usize,
    size: usize,
}

/// One `definition message`.
#[derive(Clone, Debug, Default)]
pub(crate) struct Definition {
    pub(crate) global: u16,
    pub(crate) big_endian: bool,
    /// Bytes of a data message after its header byte.
    pub(crate) size: usize,
    pub(crate) fields: Vec<Field>,
    /// What a `record` needs, worked out once.
    pub(crate) steps: Vec<Step>,
    /// Developer fields, opaque until they are described, and whose they are.
    pub(crate) developer: Vec<(Field, u8)>,
    /// What those of them mean that are described.
    pub(crate) extras: Vec<Extra>,
    /// Its messages have a field for their time.
    pub(crate) timed: bool,
    /// Such a message can be; what does not fit is a trace of lost bytes.
    pub(crate) possible: bool,
    /// Moreover, every field is of a known type, and its size fits it.
    pub(crate) sane: bool,
}

const FIXED_BYTES: usize = 5;
const FIELD_BYTES: usize = 3;

impl Definition {
    /// Reads the definition after its header byte; gives it with its length in bytes.
    pub(crate) fn parse(bytes: &[u8], with_developer_fields: bool) -> Option<(Self, usize)> {
        let (&[reserved, architecture, low, high, count], rest) = bytes.split_first_chunk::<FIXED_BYTES>()?;
        let big_endian = architecture == 1;
        let global =
            if big_endian { u16::from_be_bytes([low, high]) } else { u16::from_le_bytes([low, high]) };
        let mut definition = Self { global, big_endian, ..Self::default() };
        definition.possible = architecture <= 1;
        definition.sane = definition.possible && reserved == 0 && count > 0;
        let (fields, rest) = rest.split_at_checked(usize::from(count) * FIELD_BYTES)?;
        for field in fields.as_chunks::<FIELD_BYTES>().0 {
            definition.add(field);
        }
        let mut length = FIXED_BYTES + fields.len();
        if with_developer_fields {
            let (count, rest) = rest.split_first()?;
            let fields = rest.get(..usize::from(*count) * FIELD_BYTES)?;
            for [number, size, developer] in fields.as_chunks::<FIELD_BYTES>().0 {
                let (offset, size) = (definition.size, usize::from(*size));
                let field = Field { number: *number, kind: Kind::Bytes, offset, size };
                definition.developer.push((field, *developer));
                definition.size += size;
            }
            length += 1 + fields.len();
        }
        definition.steps = super::record::plan(&definition);
        Some((definition, length))
    }

    fn add(&mut self, &[number, size, type_byte]: &[u8; FIELD_BYTES]) {
        let size = usize::from(size);
        let mut kind = Kind::of(type_byte);
        if !size.is_multiple_of(kind.size()) {
            kind = Kind::Bytes;
            self.sane = false;
        }
        // The seventh bit says that the type has an endianness; for the types we know it follows from the type.
        self.sane &= size > 0 && type_byte & 0x60 == 0 && type_byte & 0x1f <= 0x10;
        self.timed |= number == TIMESTAMP && kind == Kind::U32;
        if size > 0 {
            self.fields.push(Field { number, kind, offset: self.size, size });
        }
        self.size += size;
    }

    pub(crate) fn field(&self, number: u8) -> Option<&Field> {
        self.fields.iter().find(|field| field.number == number)
    }
}

impl Field {
    pub(crate) fn bytes<'a>(&self, message: &'a [u8]) -> &'a [u8] {
        message.get(self.offset..self.offset + self.size).unwrap_or_default()
    }

    /// The same bytes as values of another kind; none if their number does not fit it.
    pub(super) fn of_kind(self, kind: Kind) -> Option<Self> {
        let fits = self.size > 0 && self.size.is_multiple_of(kind.size());
        (fits && !matches!(kind, Kind::Text | Kind::Bytes)).then_some(Self { kind, ..self })
    }

    /// Its elements, each as a field.
    pub(super) fn elements(self) -> impl Iterator<Item = Self> {
        let size = self.kind.size();
        (0..self.size / size).map(move |index| Self { offset: self.offset + index * size, size, ..self })
    }

    /// The first element, whatever kind of number it is.
    pub(crate) fn number(&self, message: &[u8], big_endian: bool) -> Option<f64> {
        match self.kind {
            Kind::F32 | Kind::F64 => self.float(message, big_endian),
            Kind::U64 | Kind::U64z => {
                let none = if self.kind == Kind::U64 { u64::MAX } else { 0 };
                u64_at(self.bytes(message), big_endian).filter(|raw| *raw != none).map(|raw| raw as f64)
            }
            _ => self.integer(message, big_endian).map(|raw| raw as f64),
        }
    }

    /// "No value" is not a number in floats.
    fn float(&self, message: &[u8], big_endian: bool) -> Option<f64> {
        let bytes = self.bytes(message);
        let value = match self.kind {
            Kind::F32 => f64::from(f32::from_bits(u32_at(bytes, big_endian)?)),
            Kind::F64 => f64::from_bits(u64_at(bytes, big_endian)?),
            _ => return None,
        };
        value.is_finite().then_some(value)
    }

    /// The first element as an integer, floats to the nearest, unless it is the type's "no value" or no number.
    #[inline]
    pub(crate) fn integer(&self, message: &[u8], big_endian: bool) -> Option<i64> {
        let bytes = self.bytes(message);
        match self.kind {
            Kind::U8 => bytes.first().filter(|raw| **raw != u8::MAX).map(|raw| i64::from(*raw)),
            Kind::I8 => {
                bytes.first().map(|raw| raw.cast_signed()).filter(|raw| *raw != i8::MAX).map(i64::from)
            }
            Kind::U8z => bytes.first().filter(|raw| **raw != 0).map(|raw| i64::from(*raw)),
            Kind::U16 => u16_at(bytes, big_endian).filter(|raw| *raw != u16::MAX).map(i64::from),
            Kind::U16z => u16_at(bytes, big_endian).filter(|raw| *raw != 0).map(i64::from),
            Kind::I16 => {
                u16_at(bytes, big_endian).map(u16::cast_signed).filter(|raw| *raw != i16::MAX).map(i64::from)
            }
            Kind::U32 => u32_at(bytes, big_endian).filter(|raw| *raw != u32::MAX).map(i64::from),
            Kind::U32z => u32_at(bytes, big_endian).filter(|raw| *raw != 0).map(i64::from),
            Kind::I32 => {
                u32_at(bytes, big_endian).map(u32::cast_signed).filter(|raw| *raw != i32::MAX).map(i64::from)
            }
            Kind::I64 => u64_at(bytes, big_endian).map(u64::cast_signed).filter(|raw| *raw != i64::MAX),
            Kind::U64 => {
                u64_at(bytes, big_endian).filter(|raw| *raw != u64::MAX).and_then(|raw| raw.try_into().ok())
            }
            Kind::U64z => {
                u64_at(bytes, big_endian).filter(|raw| *raw != 0).and_then(|raw| raw.try_into().ok())
            }
            Kind::F32 | Kind::F64 => self.float(message, big_endian).map(|value| value.round() as i64),
            Kind::Text | Kind::Bytes => None,
        }
    }

    /// The text up to its first zero, if there is any.
    pub(crate) fn text(&self, message: &[u8]) -> Option<String> {
        if self.kind != Kind::Text {
            return None;
        }
        let bytes = self.bytes(message).split(|byte| *byte == 0).next()?;
        let text = String::from_utf8_lossy(bytes).trim().to_owned();
        (!text.is_empty()).then_some(text)
    }
}

#[inline]
fn u16_at(bytes: &[u8], big_endian: bool) -> Option<u16> {
    let raw = *bytes.first_chunk()?;
    Some(if big_endian { u16::from_be_bytes(raw) } else { u16::from_le_bytes(raw) })
}

#[inline]
fn u32_at(bytes: &[u8], big_endian: bool) -> Option<u32> {
    let raw = *bytes.first_chunk()?;
    Some(if big_endian { u32::from_be_bytes(raw) } else { u32::from_le_bytes(raw) })
}

#[inline]
fn u64_at(bytes: &[u8], big_endian: bool) -> Option<u64> {
    let raw = *bytes.first_chunk()?;
    Some(if big_endian { u64::from_be_bytes(raw) } else { u64::from_le_bytes(raw) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn developer_fields_count_in_the_size() {
        let bytes = [0, 0, 20, 0, 1, 3, 1, 2, 1, 7, 9, 0];
        let (definition, length) = Definition::parse(&bytes, true).expect("a definition");
        assert_eq!((definition.global, definition.size, length), (20, 10, 12));
    }

    #[test]
    fn big_endian_values_are_read_so() {
        let (definition, _) = Definition::parse(&[0, 1, 0, 20, 1, 7, 2, 0x84], false).expect("a definition");
        let field = definition.field(7).expect("power");
        assert_eq!(definition.global, 20);
        assert_eq!(field.integer(&[1, 44], definition.big_endian), Some(300));
        assert_eq!(field.integer(&[0xff, 0xff], definition.big_endian), None);
    }

    #[test]
    fn a_cut_definition_is_none() {
        assert!(Definition::parse(&[0, 0, 20, 0, 9, 3, 1, 2], false).is_none());
    }
}
