//! Stocktakes.

use super::catalog;

catalog! {
    /// Stocktakes.
    Counts {
        title: "Stocktakes", "Inventuren", "Recuentos";
        one: "Stocktake", "Inventur", "Recuento";
        open: "Open", "Offen", "Abierto";
        closed: "Closed", "Abgeschlossen", "Cerrado";
        begin: "Begin a stocktake", "Inventur beginnen", "Empezar un recuento";
        begin_text: "Scan or type each item and how many lie there. Orders may come meanwhile: each count holds for the moment at which it is entered.", "Scannen oder tippen Sie jeden Artikel und wie viele daliegen. Bestellungen dürfen weiterkommen: jede Zählung gilt für den Moment ihrer Eingabe.", "Escanee o escriba cada artículo y cuántos hay. Pueden entrar pedidos: cada recuento vale en el momento en que se anota.";
        only: "Only these SKUs (empty: all)", "Nur diese SKUs (leer: alle)", "Solo estos SKU (vacío: todos)";
        none: "No stocktake yet.", "Noch keine Inventur.", "Aún no hay recuentos.";
        scan: "Scan or type", "Scannen oder tippen", "Escanear o escribir";
        so_far: "Counted so far", "Bisher gezählt", "Contado hasta ahora";
        nothing_yet: "Nothing was counted yet.", "Noch wurde nichts gezählt.", "Aún no se contó nada.";
        expected: "Expected", "Erwartet", "Esperado";
        difference: "Difference", "Abweichung", "Diferencia";
        again: "Count again", "Noch einmal zählen", "Contar otra vez";
        again_text: "Some differences are too large to be believed at once: count these again.", "Manche Abweichungen sind zu groß, um sie gleich zu glauben: zählen Sie diese noch einmal.", "Algunas diferencias son demasiado grandes para creerlas: cuéntelas otra vez.";
        right: "As expected", "Wie erwartet", "Como se esperaba";
        taken: "Corrected", "Korrigiert", "Corregido";
        missing: "Not counted yet", "Noch nicht gezählt", "Aún sin contar";
        close: "Close the stocktake", "Inventur abschließen", "Cerrar el recuento";
        transfer: "Transfer", "Umlagern", "Trasladar";
        transfer_hint: "So many leave one location for another. They are on their way until somebody receives them there.", "So viele gehen von einem Lagerort zum anderen. Sie sind unterwegs, bis jemand sie dort annimmt.", "Tantas salen de una ubicación a otra. Están en camino hasta que alguien las reciba.";
        from: "From", "Von", "De";
        to: "To", "Nach", "A";
        at_once: "They are there already", "Sie sind schon da", "Ya están allí";
        discard: "Forget what was not counted again", "Vergessen, was nicht noch einmal gezählt wurde", "Olvidar lo que no se contó otra vez";
    }
}
