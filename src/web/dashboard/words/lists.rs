//! The list of orders: views that somebody saved, and what is done to many at once.

use super::catalog;

catalog! {
    /// The list of orders: views that somebody saved, and what is done to many at once.
    Lists {
        sort: "Sort", "Reihenfolge", "Orden";
        newest: "Newest first", "Neueste zuerst", "Más nuevos primero";
        oldest: "Oldest first", "Älteste zuerst", "Más antiguos primero";
        late: "Late", "Verspätet", "Con retraso";
        views: "Saved views", "Gespeicherte Ansichten", "Vistas guardadas";
        save_view: "Save this view", "Diese Ansicht speichern", "Guardar esta vista";
        view_name: "Name of the view", "Name der Ansicht", "Nombre de la vista";
        drop_view: "Remove", "Entfernen", "Quitar";
        with_chosen: "With the chosen orders", "Mit den gewählten Bestellungen", "Con los pedidos elegidos";
        chosen: "chosen", "gewählt", "elegidos";
        choose: "Choose {number}", "{number} wählen", "Elegir {number}";
        choose_column: "Choose", "Wählen", "Elegir";
        keys: "Keys: j and k go down and up, x chooses, Enter opens, / searches.", "Tasten: j und k gehen ab und auf, x wählt, Enter öffnet, / sucht.", "Teclas: j y k bajan y suben, x elige, Intro abre, / busca.";
        nothing_chosen: "No order was chosen. Go back and choose some.", "Es wurde keine Bestellung gewählt. Gehen Sie zurück und wählen Sie welche.", "No se eligió ningún pedido. Vuelva y elija alguno.";
        print: "Print", "Drucken", "Imprimir";
        pick_list: "Pick list of all", "Pickliste für alle", "Lista de recogida de todos";
        packing_slip: "Packing slip", "Packzettel", "Albarán";
        back: "Back to the list", "Zurück zur Liste", "Volver a la lista";
        result: "Result", "Ergebnis", "Resultado";
        results: "{done} done, {refused} not done", "{done} erledigt, {refused} nicht ausgeführt", "{done} hechos, {refused} no hechos";
        was_so: "was so already", "war schon so", "ya estaba así";
        nothing_packed: "Nothing of it is packed and waits for its carrier.", "Nichts davon ist gepackt und wartet auf den Versender.", "Nada está empaquetado a la espera del transportista.";
    }
}
