//! Where a peer is said to be: `http://host:port`, a host being an address or a DNS name that stands for several.

use std::{
    fmt,
    net::{IpAddr, SocketAddr},
};

/// One place of the settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    host: String,
    port: u16,
}

/// What is wrong with an address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    #[error("must be an address like http://host:port, not «{0}»")]
    Malformed(String),
    #[error("must name at least one address like http://host:port")]
    Nothing,
}

impl Address {
    /// `http://host:port` and nothing behind it.
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        let fault = || AddressError::Malformed(text.to_owned());
        let uri = text.parse::<http::Uri>().map_err(|_| fault())?;
        let bare = uri.path_and_query().is_none_or(|path| path.as_str() == "/");
        if uri.scheme_str() != Some("http") || !bare {
            return Err(fault());
        }
        let host = uri.host().filter(|host| !host.is_empty()).ok_or_else(fault)?;
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        Ok(Self { host, port: uri.port_u16().ok_or_else(fault)? })
    }

    /// Several, parted by commas.
    pub fn list(text: &str) -> Result<Vec<Self>, AddressError> {
        let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
        let addresses = parts.map(Self::parse).collect::<Result<Vec<_>, _>>()?;
        if addresses.is_empty() { Err(AddressError::Nothing) } else { Ok(addresses) }
    }

    /// Where to connect, when no resolver is needed.
    pub(super) fn literal(&self) -> Option<SocketAddr> {
        self.host.parse::<IpAddr>().ok().map(|host| SocketAddr::new(host, self.port))
    }

    /// Where to connect, as the resolver says now.
    pub(super) async fn resolve(&self) -> std::io::Result<Vec<SocketAddr>> {
        match self.literal() {
            Some(address) => Ok(vec![address]),
            None => Ok(tokio::net::lookup_host((self.host.as_str(), self.port)).await?.collect()),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "http://[{}]:{}", self.host, self.port)
        } else {
            write!(f, "http://{}:{}", self.host, self.port)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_addresses_is_read() {
        let list = Address::list("http://10.0.0.7:7070, http://auth.stadion:7070,http://[::1]:7").unwrap();
        let shown: Vec<String> = list.iter().map(ToString::to_string).collect();
        assert_eq!(shown, ["http://10.0.0.7:7070", "http://auth.stadion:7070", "http://[::1]:7"]);
        assert!(list[0].literal().is_some() && list[1].literal().is_none() && list[2].literal().is_some());
    }

    #[test]
    fn what_is_no_address_is_told_back() {
        for wrong in ["auth", "http://auth", "https://auth:7070", "http://auth:7070/path", "http://:7070"] {
            assert_eq!(Address::parse(wrong), Err(AddressError::Malformed(wrong.to_owned())), "{wrong}");
        }
        assert_eq!(Address::list(" , "), Err(AddressError::Nothing));
    }
}
