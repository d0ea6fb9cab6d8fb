//! What sold and how long it took.

use super::catalog;

catalog! {
    /// What sold and how long it took.
    Insight {
        period: "Period", "Zeitraum", "Periodo";
        last_days: "Last {days} days", "Letzte {days} Tage", "Últimos {days} días";
        day: "Day (UTC)", "Tag (UTC)", "Día (UTC)";
        orders_by_day: "Orders by day", "Bestellungen nach Tag", "Pedidos por día";
        takings_by_day: "Revenue by day", "Umsatz nach Tag", "Ingresos por día";
        risk_by_day: "Most units at risk by day", "Meiste Stück in Gefahr nach Tag", "Máximo de unidades en riesgo por día";
        table: "Table", "Tabelle", "Tabla";
        csv: "Days as CSV", "Tage als CSV", "Días como CSV";
        revenue: "Revenue", "Umsatz", "Ingresos";
        of_orders: "of {orders} orders", "aus {orders} Bestellungen", "de {orders} pedidos";
        given_back: "{amount} given back", "{amount} erstattet", "{amount} devueltos";
        how_long: "How long it took", "Wie lange es dauerte", "Cuánto se tardó";
        stretch: "Until", "Bis", "Hasta";
        half: "Half of them", "Die Hälfte", "La mitad";
        most: "95 of 100", "95 von 100", "95 de 100";
        until_known: "Placed, until known here", "Bestellt, bis hier bekannt", "Hecho, hasta conocerse aquí";
        until_begun: "Known, until picking began", "Bekannt, bis das Holen begann", "Conocido, hasta empezar a recoger";
        until_left: "Known, until the first parcel left", "Bekannt, bis das erste Paket ging", "Conocido, hasta salir el primer paquete";
        until_arrived: "Left, until it arrived", "Weg, bis zur Ankunft", "Salido, hasta llegar";
        best: "Sells best", "Verkauft sich am besten", "Lo más vendido";
        slow: "Lies there and sells least", "Liegt da und verkauft sich am wenigsten", "Está en almacén y se vende menos";
        sold: "Sold", "Verkauft", "Vendido";
        days_left: "Days left", "Tage Vorrat", "Días de stock";
        summing: "Orders of before are still being summed: there will be more.", "Frühere Bestellungen werden noch summiert: es wird mehr.", "Aún se suman pedidos anteriores: habrá más.";
        nothing: "Nothing was sold in this time.", "In dieser Zeit wurde nichts verkauft.", "No se vendió nada en este tiempo.";
        minutes: "min", "Min.", "min";
        hours: "h", "Std.", "h";
        days: "days", "Tage", "días";
    }
}
