//! Counts from a file, and what runs out.

use super::catalog;

catalog! {
    /// Counts from a file, and what runs out.
    Sheet {
        title: "CSV", "CSV", "CSV";
        heading: "Stock as a CSV file", "Bestand als CSV-Datei", "Existencias como archivo CSV";
        out: "Save all stock as CSV", "Ganzen Bestand als CSV speichern", "Guardar todas las existencias en CSV";
        text: "Count in the saved file and bring it back: the columns sku and count are needed, location and condition where there are several. A row without a number is left as it is.", "Zählen Sie in der gespeicherten Datei und bringen Sie sie zurück: nötig sind die Spalten sku und count, dazu location und condition, wo es mehrere gibt. Eine Zeile ohne Zahl bleibt, wie sie ist.", "Cuente en el archivo guardado y tráigalo de vuelta: hacen falta las columnas sku y count, y location y condition si hay varias. Una fila sin número se deja como está.";
        rows: "Or paste its rows", "Oder die Zeilen einfügen", "O pegar las filas";
        file: "Choose the file", "Die Datei wählen", "Elegir el archivo";
        try_out: "Try it out", "Ausprobieren", "Probar";
        enter: "Enter the counts", "Zählungen übernehmen", "Registrar los recuentos";
        mistakes: "Nothing was entered. Mistakes: {count}", "Nichts wurde übernommen. Fehler: {count}", "No se registró nada. Errores: {count}";
        would: "Good rows: {rows}, with changes: {changes}. Nothing was entered yet.", "Gute Zeilen: {rows}, mit Änderungen: {changes}. Noch wurde nichts übernommen.", "Filas correctas: {rows}, con cambios: {changes}. Aún no se registró nada.";
        entered: "Rows entered: {done}, entered before: {before}.", "Übernommene Zeilen: {done}, schon vorher: {before}.", "Filas registradas: {done}, ya antes: {before}.";
        row: "Row", "Zeile", "Fila";
        column: "Column", "Spalte", "Columna";
        mistake: "Mistake", "Fehler", "Error";
        from: "Is", "Ist", "Hay";
        to: "Counted", "Gezählt", "Contado";
        low: "Runs out first", "Geht zuerst aus", "Se agota antes";
        low_text: "As it sold in the last 30 days; ranked", "Nach den Verkäufen der letzten 30 Tage; Stand", "Según las ventas de los últimos 30 días; al";
    }
}
