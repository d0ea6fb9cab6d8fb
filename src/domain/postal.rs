//! Postal addresses: which countries there are, and what their postal codes look like.
//!
//! It says only what is certainly wrong. A country whose codes are not in the table may have any, or none.

use serde::{Deserialize, Serialize};

use crate::snapshot::Address;

/// What is missing or wrong in an address. It repeats nothing of the address, so that it may stand in facts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Flaw {
    /// It has neither a name nor a firm.
    NoName,
    /// It has no street.
    NoStreet,
    /// It has no town.
    NoCity,
    /// It has no country.
    NoCountry,
    /// Its country is none of ISO 3166.
    UnknownCountry,
    /// It has no postal code, and its country has them.
    NoPostalCode,
    /// Its postal code is none of its country.
    OddPostalCode,
}

impl Flaw {
    /// In a few words.
    pub fn text(self) -> &'static str {
        match self {
            Flaw::NoName => "no name",
            Flaw::NoStreet => "no street",
            Flaw::NoCity => "no town",
            Flaw::NoCountry => "no country",
            Flaw::UnknownCountry => "a country that ISO 3166 does not know",
            Flaw::NoPostalCode => "no postal code",
            Flaw::OddPostalCode => "a postal code that its country does not have",
        }
    }
}

/// What is wrong with an address, in the order of its parts. Of one that says no more than a country and a
/// region or town nothing is said: a channel that keeps addresses to itself shows that much.
pub fn flaws(address: &Address) -> Vec<Flaw> {
    let is_blank = |text: &str| text.trim().is_empty();
    let has_name = !is_blank(&address.name) || !is_blank(&address.company);
    let has_street = address.street.iter().any(|line| !is_blank(line));
    let has_code = !is_blank(&address.postal_code);
    if !has_name && !has_street && !has_code {
        return Vec::new();
    }
    let country = address.country.trim().to_ascii_uppercase();
    let mut flaws = Vec::new();
    let mut note = |is_so: bool, flaw: Flaw| flaws.extend(is_so.then_some(flaw));
    note(!has_name, Flaw::NoName);
    note(!has_street, Flaw::NoStreet);
    let needs_city = !CITIES.contains(&country.as_str());
    note(is_blank(&address.city) && needs_city, Flaw::NoCity);
    let shapes = shapes_of(&country);
    note(!has_code && !shapes.is_empty(), Flaw::NoPostalCode);
    let is_odd = has_code && !shapes.is_empty() && !fits(&country, &address.postal_code, shapes);
    note(is_odd, Flaw::OddPostalCode);
    note(country.is_empty(), Flaw::NoCountry);
    let is_unknown = !country.is_empty() && !is_country(&country);
    note(is_unknown, Flaw::UnknownCountry);
    flaws
}

/// Whether these two capitals are a country: ISO 3166-1 alpha-2, and three that parcels go to besides.
pub fn is_country(code: &str) -> bool {
    code.len() == 2 && COUNTRIES.split_ascii_whitespace().any(|one| one == code)
}

/// Towns that are countries: their addresses need no town.
const CITIES: [&str; 5] = ["GI", "HK", "MC", "SG", "VA"];

/// Source: ISO 3166-1 alpha-2, and XK (Kosovo), AC (Ascension) and TA (Tristan da Cunha).
const COUNTRIES: &str = "\
    AC AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV \
    BW BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET \
    FI FJ FK FM FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM \
    IN IO IQ IR IS IT JE JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD \
    ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE \
    PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST \
    SV SX SY SZ TA TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF \
    WS XK YE YT ZA ZM ZW";

/// What a postal code of a country is made of, without blanks and dashes: `9` is a digit, `A` a letter.
/// Source: the postal unions' addressing formats (Universal Postal Union). Only countries whose codes are
/// fixed and always written.
fn shapes_of(country: &str) -> &'static [&'static str] {
    match country {
        "AT" | "AU" | "BE" | "BG" | "CH" | "CY" | "DK" | "HU" | "LI" | "LU" | "LV" | "NO"
        | "NZ" | "SI" | "ZA" => &["9999"],
        "CZ" | "DE" | "EE" | "ES" | "FI" | "FR" | "GR" | "HR" | "IT" | "KR" | "LT" | "MC"
        | "MX" | "PL" | "SE" | "SK" | "TR" | "UA" => &["99999"],
        "CN" | "IN" | "RO" | "SG" => &["999999"],
        "JP" => &["9999999"],
        "BR" => &["99999999"],
        "PT" => &["9999999", "9999"],
        "US" => &["99999", "999999999"],
        "NL" => &["9999AA"],
        "CA" => &["A9A9A9"],
        "GB" => &[
            "A99AA", "A999AA", "AA99AA", "AA999AA", "A9A9AA", "AA9A9AA", "AAA9AA",
        ],
        _ => &[],
    }
}

/// Whether a code has one of these shapes. Some write the country before it: `D-10115`, `L-1234`.
fn fits(country: &str, code: &str, shapes: &[&str]) -> bool {
    let code = code.trim().to_ascii_uppercase();
    let bare = match code.split_once('-') {
        Some((before, rest)) if !before.is_empty() && country.starts_with(before) => rest,
        _ => code.as_str(),
    };
    let is_left_out = |c: &char| c.is_whitespace() || *c == '-';
    let bare: Vec<char> = bare.chars().filter(|c| !is_left_out(c)).collect();
    shapes.iter().any(|shape| {
        let is_one = |(c, wanted): (&char, char)| match wanted {
            '9' => c.is_ascii_digit(),
            _ => c.is_ascii_alphabetic(),
        };
        shape.len() == bare.len() && bare.iter().zip(shape.chars()).all(is_one)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(country: &str, code: &str) -> Address {
        Address {
            name: "Ada Example".to_owned(),
            street: vec!["Example Street 1".to_owned()],
            city: "Example".to_owned(),
            postal_code: code.to_owned(),
            country: country.to_owned(),
            ..Address::default()
        }
    }

    #[test]
    fn postal_codes_are_told_by_their_country() {
        for (country, codes) in [
            ("DE", "10115 | D-10115 | DE-10115"),
            ("de", "10115"),
            ("US", "62701 | 62701-1234 | 627011234"),
            (
                "GB",
                "SW1A 1AA | M1 1AE | m60 1nw | CR2 6XH | DN55 1PT | W1A 1HQ | EC1A 1BB | GIR 0AA | BFPO 1 | BF1 2AA",
            ),
            ("NL", "1012 AB | 1012ab | NL-1012 AB"),
            ("FR", "75001"),
            ("ES", "08001"),
            ("IT", "00118"),
            ("AT", "1010 | A-1010"),
            ("CH", "8001 | CH-8001"),
            ("PL", "00-950 | 00950"),
            ("CA", "K1A 0B1 | k1a0b1"),
            ("LU", "L-1234 | 1234"),
            ("PT", "1000-205 | 1000"),
            ("SE", "111 22"),
            ("JP", "100-0001"),
            ("BR", "01310-100"),
            // Nothing is known of these: any code, or none.
            ("IE", "D02 AF30 | "),
            ("AE", " | 00000"),
            ("HK", " | 999077"),
        ] {
            for code in codes.split('|') {
                let found = flaws(&address(country, code.trim()));
                let is_odd_on_purpose = code.trim() == "BFPO 1";
                let expected: &[Flaw] = if is_odd_on_purpose {
                    &[Flaw::OddPostalCode]
                } else {
                    &[]
                };
                assert_eq!(found, expected, "{country} {code}");
            }
        }
        for (country, codes) in [
            ("DE", "1011 | 101155 | 1O115 | AT-10115"),
            ("US", "6270 | 62701-12 | K1A 0B1"),
            ("GB", "SW1A | 10115 | SW1A 1A"),
            ("NL", "1012 | AB 1012"),
            ("AT", "10100"),
            ("CA", "10115"),
        ] {
            for code in codes.split('|') {
                let found = flaws(&address(country, code.trim()));
                assert_eq!(found, [Flaw::OddPostalCode], "{country} {code}");
            }
        }
        assert_eq!(flaws(&address("DE", "")), [Flaw::NoPostalCode]);
    }

    #[test]
    fn what_is_missing_is_said_in_the_order_of_an_address() {
        let bare = Address {
            postal_code: "10115".to_owned(),
            ..Address::default()
        };
        let expected = [Flaw::NoName, Flaw::NoStreet, Flaw::NoCity, Flaw::NoCountry];
        assert_eq!(flaws(&bare), expected);
        let firm = Address {
            name: String::new(),
            company: "Example Works".to_owned(),
            ..address("DE", "10115")
        };
        assert_eq!(flaws(&firm), []);
        for (country, flaw) in [
            ("UK", Flaw::UnknownCountry),
            ("Germany", Flaw::UnknownCountry),
        ] {
            assert_eq!(flaws(&address(country, "10115")), [flaw], "{country}");
        }
        let town = Address {
            city: String::new(),
            ..address("SG", "018956")
        };
        assert_eq!(flaws(&town), []);
    }

    #[test]
    fn an_address_that_its_channel_keeps_to_itself_is_no_mistake() {
        let kept = Address {
            city: "Berlin".to_owned(),
            country: "DE".to_owned(),
            region: "BE".to_owned(),
            ..Address::default()
        };
        assert_eq!(flaws(&kept), []);
        assert_eq!(flaws(&address("DE", "10115").place()), []);
    }

    #[test]
    fn each_country_stands_there_once() {
        let all: Vec<&str> = COUNTRIES.split_ascii_whitespace().collect();
        assert!(all.is_sorted_by(|one, next| one < next));
        // 249 of ISO 3166-1, and three.
        assert_eq!(all.len(), 252);
        assert!(CITIES.into_iter().all(is_country));
    }
}
