//! `activities.csv` of a Strava export: what each file is called and is, and the entries made by hand, which have none.
//!
//! Its column names come in the athlete's language, some twice: the first time in units for reading, the second in SI.
//! The first four columns are the same in every language; the file's is known by what stands in it.

use jiff::Timestamp;
use jiff::civil::{Date, Time};

use crate::activity::{Activity, Total};
use crate::reading::Problem;
use crate::xml::number;
use crate::xml::sport::sport;

const ROWS_MAX: usize = 100_000;
const COLUMNS_MAX: usize = 512;
const CELL_BYTES_MAX: usize = 64 << 10;
const TITLE_CHARS_MAX: usize = 200;
const KJ_PER_KCAL: f64 = 4.184;
const FOLDER: &str = "activities/";

/// The rows that have an id.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Table {
    pub rows: Vec<Row>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// Strava's number of the activity.
    pub id: String,
    pub title: Option<String>,
    /// Strava's word, `Virtual Ride`.
    pub kind: String,
    /// `activities/123.fit.gz`; none: an entry made by hand.
    pub file: Option<String>,
    /// Its start and figures as far as the table gives them; none if the date cannot be read.
    pub activity: Option<Activity>,
}

impl Table {
    /// The row of a member of the archive.
    pub fn row_of(&self, member: &str) -> Option<&Row> {
        let same =
            |file: &str| member == file || member.strip_suffix(file).is_some_and(|rest| rest.ends_with('/'));
        self.rows.iter().find(|row| row.file.as_deref().is_some_and(same))
    }
}

/// Where the columns are.
#[derive(Debug, Default)]
struct Columns {
    file: Option<usize>,
    elapsed: Option<usize>,
    moving: Option<usize>,
    distance: Option<usize>,
    ascent: Option<usize>,
    descent: Option<usize>,
    heart_rate_avg: Option<usize>,
    heart_rate_max: Option<usize>,
    power_avg: Option<usize>,
    power_max: Option<usize>,
    calories: Option<usize>,
}

impl Columns {
    fn of(header: &[String], rows: &[Vec<String>]) -> Self {
        // Of columns with one name the last is in SI.
        let named = |name: &str| header.iter().rposition(|cell| cell.eq_ignore_ascii_case(name));
        let by_content = || {
            let holds = |column: &usize| {
                rows.iter().any(|row| row.get(*column).is_some_and(|cell| cell.starts_with(FOLDER)))
            };
            (4..header.len()).find(holds)
        };
        Self {
            file: named("Filename").or_else(by_content),
            elapsed: named("Elapsed Time"),
            moving: named("Moving Time"),
            distance: named("Distance"),
            ascent: named("Elevation Gain"),
            descent: named("Elevation Loss"),
            heart_rate_avg: named("Average Heart Rate"),
            heart_rate_max: named("Max Heart Rate"),
            power_avg: named("Average Watts"),
            power_max: named("Max Watts"),
            calories: named("Calories"),
        }
    }
}

/// Reads the table.
///
/// # Errors
/// [`Problem::Unreadable`] for one without a header, or beyond the bounds.
pub(super) fn read(bytes: &[u8]) -> Result<Table, Problem> {
    let mut rows = cells(&crate::xml::text::decode(bytes))?;
    if rows.first().is_none_or(|header| header.len() < 4) {
        return Err(Problem::unreadable("activities.csv has no header"));
    }
    let header = rows.remove(0);
    let columns = Columns::of(&header, &rows);
    Ok(Table { rows: rows.iter().filter_map(|cells| row(cells, &columns)).collect() })
}

fn row(cells: &[String], columns: &Columns) -> Option<Row> {
    let text = |column: Option<usize>| {
        let cell = cells.get(column?)?.trim();
        (!cell.is_empty()).then(|| cell.to_owned())
    };
    let id = text(Some(0))?;
    let kind = text(Some(3)).unwrap_or_default();
    let activity = text(Some(1)).and_then(|date| start(&date)).map(|start| {
        let (sport, sub_sport) = sport(Some(&kind));
        let mut activity = Activity::new(sport, start);
        activity.sub_sport = sub_sport.map(str::to_owned);
        let figure = |column| {
            text(column).and_then(|cell| number(&cell)).filter(|value| *value >= 0.0).map(Total::device)
        };
        let totals = &mut activity.totals;
        totals.elapsed_time_s = figure(columns.elapsed);
        totals.timer_time_s = figure(columns.moving).or(totals.elapsed_time_s);
        totals.moving_time_s = figure(columns.moving);
        totals.distance_m = figure(columns.distance);
        totals.ascent_m = figure(columns.ascent);
        totals.descent_m = figure(columns.descent);
        totals.heart_rate_avg_bpm = figure(columns.heart_rate_avg).filter(|total| total.value > 0.0);
        totals.heart_rate_max_bpm = figure(columns.heart_rate_max).filter(|total| total.value > 0.0);
        totals.power_avg_w = figure(columns.power_avg);
        totals.power_max_w = figure(columns.power_max);
        totals.energy_kj = figure(columns.calories).map(|kcal| Total::device(kcal.value * KJ_PER_KCAL));
        activity
    });
    let title = text(Some(2)).map(|title| title.chars().take(TITLE_CHARS_MAX).collect());
    Some(Row { id, title, kind, file: text(columns.file), activity })
}

/// `Oct 01, 2024, 11:35:00 AM`, `1 Oct 2024, 11:35:00`; UTC.
fn start(text: &str) -> Option<Timestamp> {
    let mut words = text.split([',', ' ', '\u{202f}']).filter(|word| !word.is_empty());
    let (first, second, year) = (words.next()?, words.next()?, words.next()?);
    let (month, day) = match month(first) {
        Some(month) => (month, second),
        None => (month(second)?, first),
    };
    let date = Date::new(year.parse().ok()?, month, day.parse().ok()?).ok()?;
    let mut clock = words.next()?.split(':').map(|part| part.parse::<i8>().ok());
    let (hour, minute, second) = (clock.next()??, clock.next()??, clock.next().unwrap_or(Some(0))?);
    let hour = match words.next().map(str::to_ascii_uppercase).as_deref() {
        Some("AM") => hour % 12,
        Some("PM") => hour % 12 + 12,
        _ => hour,
    };
    let time = Time::new(hour, minute, second, 0).ok()?;
    date.to_datetime(time).to_zoned(jiff::tz::TimeZone::UTC).ok().map(|zoned| zoned.timestamp())
}

fn month(word: &str) -> Option<i8> {
    const MONTHS: [&str; 12] =
        ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
    let word = word.to_ascii_lowercase();
    let at = MONTHS.iter().position(|month| word.starts_with(month))?;
    i8::try_from(at + 1).ok()
}

/// RFC 4180, with line ends in quotes, doubled quotes, and rows of any length.
fn cells(text: &str) -> Result<Vec<Vec<String>>, Problem> {
    let too_long = || Problem::unreadable("activities.csv is too long");
    let (mut rows, mut row, mut cell) = (Vec::new(), Vec::new(), String::new());
    let mut quoted = false;
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '"' if quoted && letters.next_if_eq(&'"').is_some() => cell.push('"'),
            '"' => quoted = !quoted,
            ',' if !quoted => row.push(std::mem::take(&mut cell)),
            '\r' if !quoted => {}
            '\n' if !quoted => {
                row.push(std::mem::take(&mut cell));
                rows.push(std::mem::take(&mut row));
            }
            other => cell.push(other),
        }
        if cell.len() > CELL_BYTES_MAX || row.len() > COLUMNS_MAX || rows.len() > ROWS_MAX {
            return Err(too_long());
        }
    }
    if !cell.is_empty() || !row.is_empty() {
        row.push(cell);
        rows.push(row);
    }
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_hold_commas_quotes_and_lines() {
        let rows = cells("a,\"b,\"\"c\"\"\nd\",\r\n1,2").unwrap();
        assert_eq!(rows, [vec!["a", "b,\"c\"\nd", ""], vec!["1", "2"]]);
    }

    #[test]
    fn american_and_british_dates_are_utc() {
        let at = |text| start(text).map(|start| start.to_string());
        assert_eq!(at("Oct 01, 2024, 11:35:00 AM").as_deref(), Some("2024-10-01T11:35:00Z"));
        assert_eq!(at("May 23, 2023, 12:40:57 PM").as_deref(), Some("2023-05-23T12:40:57Z"));
        assert_eq!(at("May 23, 2023, 12:00:01 AM").as_deref(), Some("2023-05-23T00:00:01Z"));
        assert_eq!(at("1 Oct 2024, 23:35:00").as_deref(), Some("2024-10-01T23:35:00Z"));
        assert_eq!(at("1 mai 2024 à 07:14:00"), None);
        assert_eq!(at("Feb 30, 2024, 1:00:00 PM"), None);
    }

    #[test]
    fn the_second_of_two_columns_is_si_and_the_file_is_known_in_any_language() {
        let table = read(
            "Activity ID,Activity Date,Activity Name,Activity Type,Distance,Dateiname,Distance\n\
             7,\"Oct 01, 2024, 11:35:00 AM\",Runde,Virtual Ride,33.9,activities/7.gpx,33900.5\n\
             8,gestern,,Run,1,,1000\n\n"
                .as_bytes(),
        )
        .unwrap();
        let [ride, run] = &table.rows[..] else { panic!("{table:?}") };
        assert_eq!(table.row_of("export/activities/7.gpx"), Some(ride));
        assert_eq!(table.row_of("activities/17.gpx"), None);
        let activity = ride.activity.as_ref().unwrap();
        assert_eq!(
            (activity.sport.as_str(), activity.sub_sport.as_deref()),
            ("cycling", Some("virtual_activity"))
        );
        assert_eq!(activity.totals.distance_m, Some(Total::device(33_900.5)));
        assert_eq!((run.file.as_ref(), run.title.as_ref(), run.activity.as_ref()), (None, None, None));
    }
}
