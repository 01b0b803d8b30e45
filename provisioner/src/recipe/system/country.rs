//! The countries that there are, by their two letters.

use crate::hint::Fault;

/// The codes of ISO 3166-1, sorted.
pub(super) const CODES: [&str; 249] = [
    "AD", "AE", "AF", "AG", "AI", "AL", "AM", "AO", "AQ", "AR", "AS", "AT", "AU", "AW", "AX", "AZ",
    "BA", "BB", "BD", "BE", "BF", "BG", "BH", "BI", "BJ", "BL", "BM", "BN", "BO", "BQ", "BR", "BS",
    "BT", "BV", "BW", "BY", "BZ", "CA", "CC", "CD", "CF", "CG", "CH", "CI", "CK", "CL", "CM", "CN",
    "CO", "CR", "CU", "CV", "CW", "CX", "CY", "CZ", "DE", "DJ", "DK", "DM", "DO", "DZ", "EC", "EE",
    "EG", "EH", "ER", "ES", "ET", "FI", "FJ", "FK", "FM", "FO", "FR", "GA", "GB", "GD", "GE", "GF",
    "GG", "GH", "GI", "GL", "GM", "GN", "GP", "GQ", "GR", "GS", "GT", "GU", "GW", "GY", "HK", "HM",
    "HN", "HR", "HT", "HU", "ID", "IE", "IL", "IM", "IN", "IO", "IQ", "IR", "IS", "IT", "JE", "JM",
    "JO", "JP", "KE", "KG", "KH", "KI", "KM", "KN", "KP", "KR", "KW", "KY", "KZ", "LA", "LB", "LC",
    "LI", "LK", "LR", "LS", "LT", "LU", "LV", "LY", "MA", "MC", "MD", "ME", "MF", "MG", "MH", "MK",
    "ML", "MM", "MN", "MO", "MP", "MQ", "MR", "MS", "MT", "MU", "MV", "MW", "MX", "MY", "MZ", "NA",
    "NC", "NE", "NF", "NG", "NI", "NL", "NO", "NP", "NR", "NU", "NZ", "OM", "PA", "PE", "PF", "PG",
    "PH", "PK", "PL", "PM", "PN", "PR", "PS", "PT", "PW", "PY", "QA", "RE", "RO", "RS", "RU", "RW",
    "SA", "SB", "SC", "SD", "SE", "SG", "SH", "SI", "SJ", "SK", "SL", "SM", "SN", "SO", "SR", "SS",
    "ST", "SV", "SX", "SY", "SZ", "TC", "TD", "TF", "TG", "TH", "TJ", "TK", "TL", "TM", "TN", "TO",
    "TR", "TT", "TV", "TW", "TZ", "UA", "UG", "UM", "US", "UY", "UZ", "VA", "VC", "VE", "VG", "VI",
    "VN", "VU", "WF", "WS", "YE", "YT", "ZA", "ZM", "ZW",
];

/// Refuses what is no country: the kernel would take it for the whole world, with the fewest channels.
pub(super) fn check(key: &str, code: &str) -> anyhow::Result<()> {
    if CODES.binary_search(&code).is_ok() {
        return Ok(());
    }
    let (text, hint) = if code.len() != 2 || !code.bytes().all(|byte| byte.is_ascii_uppercase()) {
        let text = format!("{key}: {code:?} is not two capital letters");
        (text, "as in GB, DE or US")
    } else {
        let hint = match code {
            "UK" => "did you mean GB?",
            "EN" => "that is a language: did you mean GB or US?",
            _ => "the codes are those of ISO 3166-1, as in GB, DE or US",
        };
        (format!("{key}: there is no country {code}"), hint)
    };
    Err(Fault::input(text).hint(hint).into())
}

#[cfg(test)]
mod tests {
    use super::CODES;

    #[test]
    fn the_countries_are_those_of_the_time_zone_database() {
        let table = std::fs::read_to_string("/usr/share/zoneinfo/iso3166.tab").unwrap();
        let codes: Vec<_> = table
            .lines()
            .filter(|line| !line.starts_with('#'))
            .map(|line| &line[..2])
            .collect();
        assert_eq!(codes, CODES);
    }
}
