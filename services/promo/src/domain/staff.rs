//! Who works on campaigns, and where: from auth's standing at the moment of the call, never from a token.

use std::collections::BTreeSet;

use kernel::{AccountId, Code, Refusal, place::Region};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Staff {
    pub account: AccountId,
    pub reach: Reach,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reach {
    Everywhere,
    Regions(BTreeSet<String>),
}

impl Staff {
    /// `roles`: (role, regions). An operator reaches everywhere, as does a marketer whose role names no regions.
    pub fn of<'a>(
        account: AccountId,
        roles: impl Iterator<Item = (&'a str, &'a [String])>,
    ) -> Result<Self, Refusal> {
        let mut regions = BTreeSet::new();
        let mut marketer = false;
        for (role, named) in roles {
            match role {
                "operator" => return Ok(Self { account, reach: Reach::Everywhere }),
                "marketer" if named.is_empty() => return Ok(Self { account, reach: Reach::Everywhere }),
                "marketer" => {
                    marketer = true;
                    regions.extend(named.iter().cloned());
                }
                _ => {}
            }
        }
        if !marketer {
            return Err(Refusal::new(Code::Forbidden, "only marketers and operators work on promos"));
        }
        Ok(Self { account, reach: Reach::Regions(regions) })
    }

    pub fn reaches(&self, regions: &[Region]) -> bool {
        match &self.reach {
            Reach::Everywhere => true,
            Reach::Regions(mine) => regions.iter().all(|region| mine.contains(region.as_str())),
        }
    }

    /// To write terms for these regions.
    pub fn may_write(&self, regions: &[Region]) -> Result<(), Refusal> {
        if self.reaches(regions) {
            return Ok(());
        }
        Err(Refusal::new(Code::Forbidden, "your role does not reach all of these regions"))
    }

    /// To see and act on a campaign: those of other regions do not exist for a marketer.
    pub fn may_see(&self, regions: &[Region]) -> Result<(), Refusal> {
        if self.reaches(regions) { Ok(()) } else { Err(Refusal::not_found()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_marketer_acts_only_in_the_regions_of_the_role() {
        let almaty = ["KZ-75".to_owned()];
        let marketer = Staff::of(AccountId::random(), [("marketer", &almaty[..])].into_iter()).unwrap();
        let regions =
            |texts: &[&str]| texts.iter().map(|text| Region::parse(text).unwrap()).collect::<Vec<_>>();
        assert!(marketer.may_write(&regions(&["KZ-75"])).is_ok());
        assert_eq!(marketer.may_write(&regions(&["KZ-75", "KZ-71"])).unwrap_err().code, Code::Forbidden);
        assert_eq!(marketer.may_see(&regions(&["KZ-71"])).unwrap_err().code, Code::NotFound);
        let operator = Staff::of(AccountId::random(), [("operator", &[][..])].into_iter()).unwrap();
        assert!(operator.may_write(&regions(&["KZ-71"])).is_ok());
        assert!(Staff::of(AccountId::random(), [("coach", &almaty[..])].into_iter()).is_err());
    }
}
