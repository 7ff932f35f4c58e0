//! Developer fields: what an app on the device adds to messages, and how it describes that.
//!
//! A field whose description names a native field of the same message stands in its place, in plain units; any other
//! number in a record becomes a column of its own, under the name that the description gives it.

use std::collections::BTreeMap;

use super::definition::{Definition, Field, Kind};
use super::message::Message;
use super::profile::{field_description as at, global};
use super::record::{self, Row};
use crate::activity::ExtraColumn;

const DESCRIPTIONS_MAX: usize = 128;
/// Each makes all the definitions be planned anew.
const DESCRIBED_MAX: u32 = 1_000;
const COLUMNS_MAX: usize = 64;
/// Elements of an array that become columns.
const ELEMENTS_MAX: usize = 8;
const NAME_BYTES_MAX: usize = 64;
/// Values kept of one file: 32 MB.
const VALUES_MAX: usize = 2_000_000;
/// Cells of all extra columns together.
const CELLS_MAX: usize = 4_000_000;

/// What a `field_description` says.
#[derive(Debug)]
struct Description {
    kind: Kind,
    name: String,
    units: String,
    scale: f64,
    offset: f64,
    /// The message and the field that it stands for.
    native: Option<(Option<u16>, u8)>,
    /// Its columns in records, once it has some: the first, and how many.
    columns: Option<(u16, usize)>,
}

/// Where a developer field goes, worked out once per definition.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Extra {
    field: Field,
    scale: f64,
    offset: f64,
    target: Target,
}

#[derive(Clone, Copy, Debug)]
enum Target {
    /// In place of this field.
    Native(u8),
    /// From this column on, one an element.
    Column(u16),
}

impl Extra {
    /// In the units of the description.
    fn value(&self, message: &[u8], big_endian: bool) -> Option<f64> {
        self.plain(self.field.number(message, big_endian)?)
    }

    fn plain(&self, raw: f64) -> Option<f64> {
        Some(raw / self.scale - self.offset).filter(|value| value.is_finite())
    }
}

/// The value that stands in place of a native field of the message.
pub(crate) fn overriding(message: &Message<'_>, number: u8) -> Option<f64> {
    let stands_for = |extra: &&Extra| matches!(extra.target, Target::Native(native) if native == number);
    let extra = message.definition.extras.iter().find(stands_for)?;
    extra.value(message.bytes, message.definition.big_endian)
}

/// The descriptions of one FIT file, and the columns that came of them.
#[derive(Debug, Default)]
pub(crate) struct Developers {
    /// By developer and number.
    descriptions: BTreeMap<(u8, u8), Description>,
    described: u32,
    /// Name and units.
    columns: Vec<(String, String)>,
    values: Vec<Value>,
    /// Values were left out.
    pub(crate) overflown: bool,
}

#[derive(Clone, Copy, Debug)]
struct Value {
    time: u32,
    column: u16,
    value: f64,
}

impl Developers {
    /// Takes in a `field_description`; a later one of the same number replaces it.
    pub(crate) fn describe(&mut self, message: Message<'_>) {
        let (Some(developer), Some(number), Some(type_byte)) =
            (message.get(at::DEVELOPER), message.get(at::NUMBER), message.get::<u8>(at::BASE_TYPE))
        else {
            return;
        };
        let key = (developer, number);
        let full = self.descriptions.len() >= DESCRIPTIONS_MAX && !self.descriptions.contains_key(&key);
        if full || self.described >= DESCRIBED_MAX {
            self.overflown = true;
            return;
        }
        self.described += 1;
        let text = |field: u8| message.text(field).map(bounded).unwrap_or_default();
        let description = Description {
            kind: Kind::of(type_byte),
            name: text(at::NAME),
            units: text(at::UNITS),
            scale: message.get::<u8>(at::SCALE).filter(|scale| *scale > 0).map_or(1.0, f64::from),
            offset: message.get::<i8>(at::OFFSET).map_or(0.0, f64::from),
            native: message.get(at::NATIVE_FIELD).map(|field| (message.get(at::NATIVE_MESSAGE), field)),
            columns: None,
        };
        self.descriptions.insert(key, description);
    }

    /// Works out where the developer fields of a definition go.
    pub(crate) fn plan(&mut self, definition: &mut Definition) {
        let in_record = definition.global == global::RECORD;
        let mut extras = Vec::new();
        for (field, developer) in &definition.developer {
            let Some(description) = self.descriptions.get_mut(&(*developer, field.number)) else { continue };
            let Some(field) = field.of_kind(description.kind) else { continue };
            let native = description.native.filter(|(message, number)| {
                message.is_none_or(|message| message == definition.global)
                    && (!in_record || record::can_be_replaced(*number))
            });
            let (scale, offset) = (description.scale, description.offset);
            if let Some((_, number)) = native {
                let metric = in_metric(&description.units);
                let target = Target::Native(number);
                extras.push(Extra { field, scale: scale / metric, offset: offset * metric, target });
            } else if in_record {
                let elements = field.elements().take(ELEMENTS_MAX).count();
                match columns_of(description, elements, &mut self.columns) {
                    Some(first) => extras.push(Extra { field, scale, offset, target: Target::Column(first) }),
                    None => self.overflown |= self.columns.len() + elements > COLUMNS_MAX,
                }
            }
        }
        definition.extras = extras;
    }

    /// Reads the developer fields of one record.
    pub(crate) fn read(&mut self, definition: &Definition, message: &[u8], row: &mut Row) {
        for extra in &definition.extras {
            match extra.target {
                Target::Native(number) => {
                    if let Some(value) = extra.value(message, definition.big_endian) {
                        record::replace(row, number, value);
                    }
                }
                Target::Column(first) => {
                    for (column, element) in (first..).zip(extra.field.elements().take(ELEMENTS_MAX)) {
                        let raw = element.number(message, definition.big_endian);
                        if let Some(value) = raw.and_then(|raw| extra.plain(raw)) {
                            self.keep(Value { time: row.time, column, value });
                        }
                    }
                }
            }
        }
    }

    fn keep(&mut self, value: Value) {
        if self.values.len() < VALUES_MAX {
            self.values.push(value);
        } else {
            self.overflown = true;
        }
    }

    /// The columns beside these rows, which are in order of time; those without a value are left out.
    pub(crate) fn columns(&self, rows: &[Row]) -> Vec<ExtraColumn> {
        let most = CELLS_MAX.checked_div(rows.len()).unwrap_or(0);
        let mut columns: Vec<Option<ExtraColumn>> = vec![None; self.columns.len()];
        let mut made = 0;
        for Value { time, column, value } in &self.values {
            let index = rows.partition_point(|row| row.time < *time);
            let number = usize::from(*column);
            let (Some(column), Some((name, units))) = (columns.get_mut(number), self.columns.get(number))
            else {
                continue;
            };
            if rows.get(index).is_none_or(|row| row.time != *time) || (column.is_none() && made >= most) {
                continue;
            }
            let column = column.get_or_insert_with(|| {
                made += 1;
                let units = Some(units.clone()).filter(|units| !units.is_empty());
                ExtraColumn { name: name.clone(), units, values: vec![None; rows.len()] }
            });
            if let Some(cell) = column.values.get_mut(index) {
                cell.get_or_insert(*value);
            }
        }
        columns.into_iter().flatten().collect()
    }
}

/// The first of the columns of a field of so many elements; none where it has no name or there is no room.
fn columns_of(
    description: &mut Description,
    elements: usize,
    columns: &mut Vec<(String, String)>,
) -> Option<u16> {
    if let Some((first, known)) = description.columns
        && known == elements
    {
        return Some(first);
    }
    let Description { name, units, .. } = description;
    if elements == 0 || name.is_empty() || columns.len() + elements > COLUMNS_MAX {
        return None;
    }
    let first = u16::try_from(columns.len()).ok()?;
    columns.extend((0..elements).map(|element| match elements {
        1 => (name.clone(), units.clone()),
        _ => (format!("{name}[{element}]"), units.clone()),
    }));
    description.columns = Some((first, elements));
    Some(first)
}

/// What one of these units is in the unit that we keep; unknown ones are taken as ours.
fn in_metric(units: &str) -> f64 {
    match units.trim().to_ascii_lowercase().as_str() {
        "km/h" | "kph" | "kmh" | "km/hr" => 1.0 / 3.6,
        "mph" | "mi/h" => 0.447_04,
        "mm/s" => 0.001,
        "km" => 1_000.0,
        "mi" | "mile" | "miles" => 1_609.344,
        "cm" => 0.01,
        "ft" | "feet" => 0.304_8,
        _ => 1.0,
    }
}

fn bounded(mut text: String) -> String {
    text.truncate(text.floor_char_boundary(NAME_BYTES_MAX));
    text
}
