//! `activities.csv` of a Strava export: what each file is called and is, and the entries made by hand, which have none.
//!
//! Its column names come in the athlete's language, some twice: the first time in units for reading, the second in SI.
//! The columns are the same in every language: where they do not have their English names, the file's is known by what
//! stands in it, and the figures by their places behind it.

mod words;

use jiff::Timestamp;
use jiff::civil::{Date, Time};

use crate::activity::{self, Activity, Total};
use crate::reading::Problem;
use crate::xml::number;

const ROWS_MAX: usize = 100_000;
const COLUMNS_MAX: usize = 512;
const CELL_BYTES_MAX: usize = 64 << 10;
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
        let file = named("Filename").or_else(by_content);
        let elsewhere = file.filter(|_| named("Elapsed Time").is_none());
        if let Some(columns) = elsewhere.and_then(|file| Self::behind(file, header)) {
            return columns;
        }
        Self {
            file,
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

    /// Known by the figures that stand there once more, under the name that they have before the file.
    fn behind(file: usize, header: &[String]) -> Option<Self> {
        let again = |before: usize, behind: usize| {
            header.get(before).is_some_and(|name| header.get(file + behind) == Some(name))
        };
        let known = again(5, 3) && again(6, 5) && again(7, 18);
        let at = |behind: usize| Some(file + behind);
        known.then(|| Self {
            file: Some(file),
            elapsed: at(3),
            moving: at(4),
            distance: at(5),
            ascent: at(8),
            descent: at(9),
            heart_rate_max: at(18),
            heart_rate_avg: at(19),
            power_max: at(20),
            power_avg: at(21),
            calories: at(22),
        })
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
        let (sport, sub_sport) = words::kind(&kind);
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
    let title = text(Some(2)).and_then(|title| activity::name(&title));
    Some(Row { id, title, kind, file: text(columns.file), activity })
}

/// `Oct 01, 2024, 11:35:00 AM`, `1 окт. 2024 г., 11:35:00`, `01.10.2024, 11:35:00`, `2024-10-01 11:35:00`; UTC.
fn start(text: &str) -> Option<Timestamp> {
    let split = text.split(|letter: char| !letter.is_alphanumeric() && letter != ':');
    let words: Vec<&str> = split.filter(|word| !word.is_empty()).collect();
    let clock_at = words.iter().position(|word| word.contains(':'))?;
    let (before, behind) = words.split_at_checked(clock_at)?;
    let mut clock = behind.first()?.split(':').map(|part| part.parse::<i8>().ok());
    let (hour, minute, second) = (clock.next()??, clock.next()??, clock.next().unwrap_or(Some(0))?);
    let hour = match behind.get(1).map(|word| word.to_ascii_uppercase()).as_deref() {
        Some("AM") => hour % 12,
        Some("PM") => hour % 12 + 12,
        _ => hour,
    };
    let time = Time::new(hour, minute, second, 0).ok()?;
    let date = date(before, text.contains('.') && !text.contains('/'))?;
    date.to_datetime(time).to_zoned(jiff::tz::TimeZone::UTC).ok().map(|zoned| zoned.timestamp())
}

/// `dotted`: with dots between its numbers a date begins with the day. With strokes it may begin with either: then it is
/// not read.
fn date(words: &[&str], dotted: bool) -> Option<Date> {
    let numbers: Vec<i16> = words.iter().filter_map(|word| word.parse().ok()).collect();
    let named = words.iter().find_map(|word| words::month(word));
    let (year, month, day) = match (named, &numbers[..]) {
        (Some(month), [day, year]) => (*year, month, *day),
        (None, [year, month, day]) if *year > 31 => (*year, i8::try_from(*month).ok()?, *day),
        (None, [day, month, year]) if dotted => (*year, i8::try_from(*month).ok()?, *day),
        _ => return None,
    };
    Date::new(year, month, i8::try_from(day).ok()?).ok()
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
    fn dates_are_utc_in_every_language() {
        let at = |text| start(text).map(|start| start.to_string());
        assert_eq!(at("Oct 01, 2024, 11:35:00 AM").as_deref(), Some("2024-10-01T11:35:00Z"));
        assert_eq!(at("May 23, 2023, 12:40:57 PM").as_deref(), Some("2023-05-23T12:40:57Z"));
        assert_eq!(at("May 23, 2023, 12:00:01 AM").as_deref(), Some("2023-05-23T00:00:01Z"));
        assert_eq!(at("1 Oct 2024, 23:35:00").as_deref(), Some("2024-10-01T23:35:00Z"));
        assert_eq!(at("09.12.2022, 15:24:49").as_deref(), Some("2022-12-09T15:24:49Z"));
        assert_eq!(at("2018-09-12 15:02:23").as_deref(), Some("2018-09-12T15:02:23Z"));
        for first_of_may in [
            "1 mai 2024 à 07:14:00",
            "1 de mai. de 2024, 07:14:00",
            "1 мая 2024 г., 07:14:00",
            "1 mag 2024, 07:14",
            "1 may. 2024 7:14:00",
        ] {
            assert_eq!(at(first_of_may).as_deref(), Some("2024-05-01T07:14:00Z"), "{first_of_may}");
        }
        for unclear in
            ["Feb 30, 2024, 1:00:00 PM", "01/05/2024, 07:14:00", "1 mai 2024", "07:14:00", "May 2024 7:14"]
        {
            assert_eq!(at(unclear), None, "{unclear}");
        }
    }

    /// As a German athlete gets it, up to the calories.
    #[test]
    fn an_entry_in_another_language_has_its_figures() {
        let header = "Aktivitäts-ID,Aktivitätsdatum,Name der Aktivität,Aktivitätsart,Aktivitätsbeschreibung,\
                      Verstrichene Zeit,Distanz,Max. Herzfrequenz,Relative Leistung,Pendeln,Hinweis,\
                      Aktivitätsausrüstung,Dateiname,Sportlergewicht,Fahrradgewicht,Verstrichene Zeit,Bewegungszeit,\
                      Distanz,Höchstgeschw.,Durchschnittliche Geschwindigkeit,Höhenzunahme,Höhenunterschied,Min. Höhe,\
                      Max. Höhe,Max. Steigung,Durchschnittliche Steigung,Positive Steigung,Negative Steigung,\
                      Max. Trittfrequenz,Durchschnittliche Trittfrequenz,Max. Herzfrequenz,\
                      Durchschnittliche Herzfrequenz,Max. Watt,Durchschnittliche Watt,Kalorien";
        let ride = "1,\"09.12.2022, 15:24:49\",Runde,Radfahrt,,3189,\"9,44\",171,,false,,,activities/1.gpx,,,\
                    3189.0,2070.0,9440.5,,,120,90,,,,,,,,,171,140,,,200";
        let entry = "2,\"10.12.2022, 08:00:00\",Bahnen,Schwimmen,,1800,\"1,50\",,,false,,,,,,\
                     1800.0,1700.0,1500.0,,,,,,,,,,,,,,131,,,300";
        let table = read(format!("{header}\n{ride}\n{entry}\n").as_bytes()).unwrap();
        let [ride, entry] = &table.rows[..] else { panic!("{table:?}") };
        let totals = &ride.activity.as_ref().unwrap().totals;
        let ascent = (totals.ascent_m, totals.descent_m);
        assert_eq!(ascent, (Some(Total::device(120.0)), Some(Total::device(90.0))));
        assert_eq!(totals.heart_rate_max_bpm, Some(Total::device(171.0)));
        let swim = entry.activity.as_ref().unwrap();
        assert_eq!((entry.file.as_ref(), swim.sport.as_str()), (None, "swimming"));
        assert_eq!(swim.start.to_string(), "2022-12-10T08:00:00Z");
        let totals = &swim.totals;
        let figures =
            [totals.elapsed_time_s, totals.moving_time_s, totals.distance_m, totals.heart_rate_avg_bpm];
        assert_eq!(figures, [1_800.0, 1_700.0, 1_500.0, 131.0].map(|value| Some(Total::device(value))));
        assert_eq!(totals.energy_kj, Some(Total::device(300.0 * KJ_PER_KCAL)));
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
