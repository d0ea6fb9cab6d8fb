//! An address as it is written on paper.
//!
//! Where the postal code goes depends on the country; four customs cover nearly all mail of a shop. The
//! carrier's label is another matter, and nothing here is meant for it.

use domain::snapshot::Address;

use crate::{Language, text};

/// Countries whose names are written out: ISO 3166 alpha-2, then English, German, Spanish. Others are written
/// by their code, which every post office knows.
const COUNTRIES: &[(&str, [&str; 3])] = &[
    ("AD", ["Andorra", "Andorra", "Andorra"]),
    ("AT", ["Austria", "Österreich", "Austria"]),
    ("AU", ["Australia", "Australien", "Australia"]),
    ("BE", ["Belgium", "Belgien", "Bélgica"]),
    ("BG", ["Bulgaria", "Bulgarien", "Bulgaria"]),
    ("CA", ["Canada", "Kanada", "Canadá"]),
    ("CH", ["Switzerland", "Schweiz", "Suiza"]),
    ("CY", ["Cyprus", "Zypern", "Chipre"]),
    ("CZ", ["Czechia", "Tschechien", "Chequia"]),
    ("DE", ["Germany", "Deutschland", "Alemania"]),
    ("DK", ["Denmark", "Dänemark", "Dinamarca"]),
    ("EE", ["Estonia", "Estland", "Estonia"]),
    ("ES", ["Spain", "Spanien", "España"]),
    ("FI", ["Finland", "Finnland", "Finlandia"]),
    ("FR", ["France", "Frankreich", "Francia"]),
    (
        "GB",
        ["United Kingdom", "Vereinigtes Königreich", "Reino Unido"],
    ),
    ("GR", ["Greece", "Griechenland", "Grecia"]),
    ("HR", ["Croatia", "Kroatien", "Croacia"]),
    ("HU", ["Hungary", "Ungarn", "Hungría"]),
    ("IE", ["Ireland", "Irland", "Irlanda"]),
    ("IS", ["Iceland", "Island", "Islandia"]),
    ("IT", ["Italy", "Italien", "Italia"]),
    ("JP", ["Japan", "Japan", "Japón"]),
    ("LI", ["Liechtenstein", "Liechtenstein", "Liechtenstein"]),
    ("LT", ["Lithuania", "Litauen", "Lituania"]),
    ("LU", ["Luxembourg", "Luxemburg", "Luxemburgo"]),
    ("LV", ["Latvia", "Lettland", "Letonia"]),
    ("MT", ["Malta", "Malta", "Malta"]),
    ("MX", ["Mexico", "Mexiko", "México"]),
    ("NL", ["Netherlands", "Niederlande", "Países Bajos"]),
    ("NO", ["Norway", "Norwegen", "Noruega"]),
    ("NZ", ["New Zealand", "Neuseeland", "Nueva Zelanda"]),
    ("PL", ["Poland", "Polen", "Polonia"]),
    ("PT", ["Portugal", "Portugal", "Portugal"]),
    ("RO", ["Romania", "Rumänien", "Rumanía"]),
    ("SE", ["Sweden", "Schweden", "Suecia"]),
    ("SI", ["Slovenia", "Slowenien", "Eslovenia"]),
    ("SK", ["Slovakia", "Slowakei", "Eslovaquia"]),
    (
        "US",
        ["United States", "Vereinigte Staaten", "Estados Unidos"],
    ),
];

/// Its lines, without the country where that is the seller's. The telephone number is for the carrier, and is
/// left out.
pub(crate) fn lines(address: &Address, language: Language, home: &str) -> Vec<String> {
    let mut lines = vec![address.company.clone(), address.name.clone()];
    lines.extend(address.street.iter().cloned());
    let country = address.country.trim().to_ascii_uppercase();
    let (city, region, code) = (&address.city, &address.region, &address.postal_code);
    // Some shops say the town again where a region is wanted.
    let is_apart = !text::is_blank(region) && region.trim() != city.trim();
    match country.as_str() {
        "US" | "CA" | "AU" => {
            let comma = if text::is_blank(city) || text::is_blank(region) {
                ""
            } else {
                ","
            };
            lines.push(joined(&[&format!("{}{comma}", city.trim()), region, code]));
        }
        "GB" | "IE" => lines.extend([city.clone(), region.clone(), code.clone()]),
        "ES" | "IT" | "MX" if is_apart => {
            lines.push(joined(&[code, city, &format!("({})", region.trim())]));
        }
        _ if is_apart => lines.extend([joined(&[code, city]), region.clone()]),
        _ => lines.push(joined(&[code, city])),
    }
    if !country.eq_ignore_ascii_case(home.trim()) {
        lines.push(country_name(&country, language).to_owned());
    }
    lines.retain(|line| !text::is_blank(line));
    // And the name again where a firm is wanted.
    lines.dedup();
    lines
}

/// The name of a country, or its code where we know no name.
fn country_name(code: &str, language: Language) -> &str {
    let place = COUNTRIES.binary_search_by_key(&code, |(known, _)| known);
    let names = place.ok().and_then(|at| COUNTRIES.get(at));
    names.map_or(code, |(_, [en, de, es])| match language {
        Language::En => en,
        Language::De => de,
        Language::Es => es,
    })
}

fn joined(parts: &[&str]) -> String {
    let parts = parts.iter().map(|part| part.trim());
    parts
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn countries_are_sorted_so_that_each_is_found() {
        assert!(COUNTRIES.is_sorted_by_key(|(code, _)| code));
        for (code, [en, ..]) in COUNTRIES {
            assert_eq!(country_name(code, Language::En), *en);
        }
        assert_eq!(country_name("KE", Language::De), "KE");
    }

    #[test]
    fn the_postal_code_goes_where_the_country_has_it() {
        for (country, region, wanted) in [
            ("DE", "", vec!["1010 Town", "Deutschland"]),
            ("AT", "", vec!["1010 Town"]),
            ("DE", "Town", vec!["1010 Town", "Deutschland"]),
            ("DE", "Bayern", vec!["1010 Town", "Bayern", "Deutschland"]),
            ("US", "NY", vec!["Town, NY 1010", "Vereinigte Staaten"]),
            ("GB", "", vec!["Town", "1010", "Vereinigtes Königreich"]),
            ("ES", "Madrid", vec!["1010 Town (Madrid)", "Spanien"]),
            ("ES", "Town", vec!["1010 Town", "Spanien"]),
            ("KE", "", vec!["1010 Town", "KE"]),
            ("", "", vec!["1010 Town"]),
        ] {
            let address = Address {
                city: "Town".to_owned(),
                region: region.to_owned(),
                postal_code: "1010".to_owned(),
                country: country.to_owned(),
                ..Address::default()
            };
            assert_eq!(
                lines(&address, Language::De, "at"),
                wanted,
                "{country} {region}"
            );
        }
    }
}
