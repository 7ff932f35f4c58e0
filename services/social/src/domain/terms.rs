//! What a group is: its name, who may come in, where it is at home.

use kernel::{FieldError, Refusal, Sport, place::Region};

use super::words;

pub const CAPACITY_MAX: u32 = 1_000_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Open,
    /// Who asks is let in by its staff.
    Approval,
    /// Found by members and invited alone.
    Invite,
}

impl Kind {
    const ALL: [Self; 3] = [Self::Open, Self::Approval, Self::Invite];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Approval => "approval",
            Self::Invite => "invite",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms {
    pub name: String,
    pub kind: Kind,
    pub region: Option<Region>,
    pub sports: Vec<Sport>,
    /// Members at most.
    pub capacity: Option<u32>,
}

/// What somebody wrote.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    pub name: String,
    /// Empty: open.
    pub kind: String,
    /// Empty: none.
    pub region: String,
    pub sports: Vec<String>,
    pub capacity: Option<u32>,
}

impl Terms {
    /// # Errors
    /// `invalid_field` with every field at fault.
    pub fn parse(wanted: Wanted) -> Result<Self, Refusal> {
        Self::read(wanted, None)
    }

    /// Other terms than these. Their region stays, though there may be no such region any more.
    ///
    /// # Errors
    /// As [`Terms::parse`].
    pub fn changed(&self, wanted: Wanted) -> Result<Self, Refusal> {
        Self::read(wanted, self.region.as_ref())
    }

    fn read(wanted: Wanted, before: Option<&Region>) -> Result<Self, Refusal> {
        let mut faults = Vec::new();
        let name = words::group_name("/name", &wanted.name).map_err(|refusal| faults.extend(refusal.fields));
        let kind = if wanted.kind.is_empty() { Some(Kind::Open) } else { Kind::parse(&wanted.kind) };
        if kind.is_none() {
            faults.push(fault("/kind", "unknown", "one of open, approval, invite"));
        }
        let known = |region: &Region| region.exists() || Some(region) == before;
        let region = Region::parse(&wanted.region).filter(known);
        if region.is_none() && !wanted.region.is_empty() {
            faults.push(fault("/region", "unknown", "a region as in ISO 3166-2, KZ-75"));
        }
        let mut sports = Vec::new();
        for (index, text) in wanted.sports.iter().enumerate() {
            match Sport::parse(text) {
                Some(sport) if !sports.contains(&sport) => sports.push(sport),
                Some(_) => {}
                None => {
                    faults.push(fault(&format!("/sports/{index}"), "unknown", "no sport of the vocabulary"));
                    break;
                }
            }
        }
        if wanted.capacity.is_some_and(|capacity| capacity == 0 || capacity > CAPACITY_MAX) {
            faults.push(fault("/capacity", "range", "1 to 1000000 members, or none for no limit"));
        }
        Refusal::fields(faults)?;
        let (Ok(name), Some(kind)) = (name, kind) else { return Err(Refusal::not_found()) };
        Ok(Self { name, kind, region, sports, capacity: wanted.capacity })
    }

    /// As somebody would have written them.
    pub fn wanted(&self) -> Wanted {
        Wanted {
            name: self.name.clone(),
            kind: self.kind.as_str().to_owned(),
            region: self.region.as_ref().map(|region| region.as_str().to_owned()).unwrap_or_default(),
            sports: self.sports.iter().map(|sport| sport.as_str().to_owned()).collect(),
            capacity: self.capacity,
        }
    }
}

fn fault(pointer: &str, code: &str, detail: &str) -> FieldError {
    FieldError { pointer: pointer.to_owned(), code: code.to_owned(), detail: detail.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_is_named() {
        let wanted = Wanted {
            name: String::new(),
            kind: "secret".to_owned(),
            region: "XX-1".to_owned(),
            sports: vec!["running".to_owned(), "chess".to_owned()],
            capacity: Some(0),
        };
        let refused = Terms::parse(wanted).expect_err("refused");
        let pointers: Vec<&str> = refused.fields.iter().map(|field| field.pointer.as_str()).collect();
        assert_eq!(pointers, ["/name", "/kind", "/region", "/sports/1", "/capacity"]);
    }

    #[test]
    fn what_is_not_said_is_open_and_everywhere() {
        let wanted = Wanted { name: "Runners".to_owned(), ..Wanted::default() };
        let terms = Terms::parse(wanted).expect("terms");
        assert_eq!((terms.kind, terms.region.clone(), terms.capacity), (Kind::Open, None, None));
        assert_eq!(Terms::parse(terms.wanted()), Ok(terms));
    }

    #[test]
    fn a_region_that_does_not_exist_is_refused_and_one_that_is_no_more_may_stay() {
        let named = |region: &str| Wanted {
            name: "Runners".to_owned(),
            region: region.to_owned(),
            ..Wanted::default()
        };
        let pointer = |refused: Refusal| refused.fields[0].pointer.clone();
        assert_eq!(Terms::parse(named("KZ-99")).map_err(pointer), Err("/region".to_owned()));
        let old = Terms { region: Region::parse("KZ-99"), ..Terms::parse(named("KZ-75")).expect("terms") };
        assert_eq!(old.changed(named("KZ-99")), Ok(old.clone()));
        assert_eq!(old.changed(named("KZ-98")).map_err(pointer), Err("/region".to_owned()));
        assert!(old.changed(named("KZ-75")).is_ok());
    }
}
