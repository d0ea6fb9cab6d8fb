//! Settings, to be read.

use super::catalog;

catalog! {
    /// Settings, to be read.
    Settings {
        title: "Settings", "Einstellungen", "Configuración";
        text: "What holds since the last start, and where each value comes from. It is changed in the files, and tried with: oneshelf config check.", "Was seit dem letzten Start gilt, und woher jeder Wert kommt. Geändert wird in den Dateien, geprüft mit: oneshelf config check.", "Lo que rige desde el último arranque, y de dónde viene cada valor. Se cambia en los archivos y se comprueba con: oneshelf config check.";
        none: "Nothing was read from files: this is a demo.", "Es wurde nichts aus Dateien gelesen: das ist eine Vorführung.", "No se leyó ningún archivo: es una demostración.";
        set: "Values that somebody set", "Werte, die jemand gesetzt hat", "Valores que alguien puso";
        key: "Key", "Schlüssel", "Clave";
        value: "Value", "Wert", "Valor";
        from: "From", "Woher", "Origen";
        built_in: "built in", "eingebaut", "incorporado";
        secret: "a secret, not shown", "ein Geheimnis, wird nicht gezeigt", "un secreto, no se muestra";
    }
}
