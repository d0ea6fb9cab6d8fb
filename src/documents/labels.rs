//! Every word that a document says of itself, in every language: the one catalog.
//!
//! A label that lacks a language does not compile. A test holds that none is empty and that all languages
//! have the same places to be filled.

use crate::Language;

macro_rules! catalog {
    ($($label:ident: $en:literal, $de:literal, $es:literal;)*) => {
        /// A word or phrase of a document; `{}` are its places.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Label {
            $($label,)*
        }

        impl Label {
            #[cfg(test)]
            pub(crate) const ALL: &[Label] = &[$(Label::$label,)*];

            /// It in a language.
            pub(crate) fn text(self, language: Language) -> &'static str {
                let [en, de, es] = match self {
                    $(Label::$label => [$en, $de, $es],)*
                };
                match language {
                    Language::En => en,
                    Language::De => de,
                    Language::Es => es,
                }
            }
        }
    };
}

catalog! {
    // Kinds.
    OrderConfirmation: "Order confirmation", "Auftragsbestätigung", "Confirmación de pedido";
    PackingSlip: "Packing slip", "Lieferschein", "Albarán";
    PickList: "Pick list", "Pickliste", "Lista de picking";
    Invoice: "Invoice", "Rechnung", "Factura";
    CreditNote: "Credit note", "Rechnungskorrektur", "Factura rectificativa";

    // Facts beside the addresses.
    Number: "Number", "Nummer", "Número";
    Date: "Date", "Datum", "Fecha";
    SuppliedOn: "Date of supply", "Leistungsdatum", "Fecha de operación";
    DueOn: "Due on", "Fällig am", "Vencimiento";
    Order: "Order", "Bestellung", "Pedido";
    OrderedOn: "Ordered on", "Bestellt am", "Fecha del pedido";
    Channel: "Channel", "Kanal", "Canal";
    BuyerReference: "Your reference", "Ihr Zeichen", "Su referencia";
    BuyerTaxId: "Your VAT ID", "Ihre USt-IdNr.", "Su NIF";
    Corrects: "Corrects invoice", "Zu Rechnung", "Rectifica la factura";
    CorrectsOf: "{} of {}", "{} vom {}", "{} de {}";
    Orders: "Orders", "Bestellungen", "Pedidos";

    // Parties.
    Buyer: "Buyer", "Käufer", "Comprador";
    BillTo: "Bill to", "Rechnung an", "Facturar a";
    ShipTo: "Ship to", "Lieferung an", "Enviar a";

    // Columns.
    Position: "No.", "Pos.", "N.º";
    Item: "Item", "Artikel", "Artículo";
    Sku: "SKU: {}", "Art.-Nr.: {}", "Ref.: {}";
    Ordered: "Ordered", "Bestellt", "Pedidas";
    Quantity: "Quantity", "Menge", "Cantidad";
    UnitPrice: "Unit price", "Einzelpreis", "Precio unitario";
    LineDiscount: "Discount", "Rabatt", "Descuento";
    LineTotal: "Amount", "Betrag", "Importe";
    Location: "Location", "Lagerplatz", "Ubicación";
    Picked: "Picked", "Erledigt", "Recogido";

    // Groups of a pick list.
    PickOrder: "Order {}", "Bestellung {}", "Pedido {}";
    ShipBy: "ship by {}", "Versand bis {}", "enviar antes del {}";

    // Parcels.
    Parcels: "Parcels", "Pakete", "Bultos";
    Parcel: "Parcel", "Paket", "Bulto";
    Carrier: "Carrier", "Versanddienst", "Transportista";
    Tracking: "Tracking number", "Sendungsnummer", "Número de seguimiento";
    Weight: "Weight", "Gewicht", "Peso";

    // Taxes.
    Taxes: "Tax by rate", "Steuer nach Sätzen", "Impuestos por tipo";
    Tax: "Tax", "USt.", "IVA";
    Rate: "Rate", "Satz", "Tipo";
    Net: "Net", "Netto", "Base imponible";
    Gross: "Gross", "Brutto", "Total";

    // Sums.
    Items: "Items", "Zwischensumme", "Subtotal";
    Shipping: "Shipping", "Versand", "Envío";
    Discount: "Discount", "Rabatt", "Descuento";
    SumNet: "Total before tax", "Summe netto", "Base imponible";
    SumTax: "Tax", "Umsatzsteuer", "Impuestos";
    TaxWithin: "Tax within the total", "Darin enthaltene Umsatzsteuer", "Impuestos incluidos";
    Total: "Total", "Gesamtbetrag", "Total";
    TotalCredit: "Total credit", "Gutschriftsbetrag", "Total abonado";
    Paid: "Paid so far", "Bereits gezahlt", "Pagado";
    Due: "Amount due", "Offener Betrag", "Importe pendiente";
    Overpaid: "Overpaid", "Zu viel gezahlt", "Pagado en exceso";
    Returned: "Refunded so far", "Bereits erstattet", "Reembolsado";
    ToReturn: "To be refunded", "Noch zu erstatten", "Por reembolsar";
    OverReturned: "Refunded in excess", "Zu viel erstattet", "Reembolsado en exceso";
    PricesWithTax: "Prices include tax.", "Die Preise enthalten Umsatzsteuer.", "Los precios incluyen impuestos.";
    PricesBeforeTax: "Prices are before tax.", "Die Preise sind Nettopreise.", "Los precios no incluyen impuestos.";

    // Texts below.
    Terms: "Payment terms", "Zahlungsbedingungen", "Condiciones de pago";
    Note: "Note from the buyer", "Anmerkung des Käufers", "Nota del comprador";

    // The seller, at the foot.
    VatId: "VAT ID", "USt-IdNr.", "NIF-IVA";
    Phone: "Phone: {}", "Telefon: {}", "Teléfono: {}";
    Email: "E-mail: {}", "E-Mail: {}", "Correo electrónico: {}";
    AccountHolder: "Account holder: {}", "Kontoinhaber: {}", "Titular: {}";
    Iban: "IBAN: {}", "IBAN: {}", "IBAN: {}";
    Bic: "BIC: {}", "BIC: {}", "BIC: {}";
    Page: "Page {} of {}", "Seite {} von {}", "Página {} de {}";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_label_says_something_in_every_language() {
        assert!(Label::ALL.len() > 50, "the catalog was not found");
        for label in Label::ALL {
            let places = label.text(Language::En).matches("{}").count();
            for language in Language::ALL {
                let text = label.text(language);
                assert!(!text.trim().is_empty(), "{label:?} {language:?}");
                assert_eq!(text.matches("{}").count(), places, "{label:?} {language:?}");
            }
        }
    }

    #[test]
    fn places_are_filled_in_order() {
        let page = |language: Language| language.fill(Label::Page, &["2", "3"]);
        assert_eq!(
            Language::ALL.map(page),
            ["Page 2 of 3", "Seite 2 von 3", "Página 2 de 3"]
        );
    }
}
