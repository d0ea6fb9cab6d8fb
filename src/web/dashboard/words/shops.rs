//! One account: what it may do, taking it over, and stopping it.

use super::catalog;

catalog! {
    /// One account: what it may do, taking it over, and stopping it.
    Shops {
        more: "State, mode and what waits", "Zustand, Modus und was wartet", "Estado, modo y lo que espera";
        state: "State", "Zustand", "Estado";
        last_error: "Last error", "Letzter Fehler", "Último error";
        asked_to_wait: "No call before", "Kein Aufruf vor", "Sin llamadas antes de";
        lag: "Orders read", "Bestellungen gelesen", "Pedidos leídos";
        software: "Software", "Software", "Software";
        quantity_means: "Its number means", "Seine Zahl bedeutet", "Su cifra significa";
        authority: "Who decides about stock", "Wer über den Bestand entscheidet", "Quién decide el stock";
        held: "Held by the breaker", "Von der Sicherung gehalten", "Retenido por la protección";
        intents: "To tell", "Zu melden", "Por comunicar";
        comparison: "Comparison", "Vergleich", "Comparación";
        compared_of: "{compared} of {all} compared, {differing} differ", "{compared} von {all} verglichen, {differing} weichen ab", "{compared} de {all} comparados, {differing} difieren";
        mode: "What it may do", "Was es darf", "Qué puede hacer";
        mode_text: "It is {mode}; the configuration says {configured}.", "Es ist {mode}; die Konfiguration sagt {configured}.", "Está en {mode}; la configuración dice {configured}.";
        mode_off: "Off: nothing is read and nothing is written", "Aus: es wird nichts gelesen und nichts geschrieben", "Apagado: no se lee ni se escribe nada";
        mode_observe: "Observe: it is read and compared, and nothing is written", "Beobachten: es wird gelesen und verglichen, nichts geschrieben", "Observar: se lee y compara, y no se escribe nada";
        mode_configured: "As the configuration says", "Wie die Konfiguration es sagt", "Según la configuración";
        set_mode: "Change mode", "Modus ändern", "Cambiar modo";
        walk: "Taking it over, step by step", "Übernahme, Schritt für Schritt", "Puesta en marcha, paso a paso";
        walk_text: "Nothing is written to an account before somebody has seen what would be written.", "In ein Konto wird nichts geschrieben, bevor jemand gesehen hat, was geschrieben würde.", "No se escribe nada en una cuenta antes de que alguien vea qué se escribiría.";
        step_watch: "It is watched", "Es wird beobachtet", "Se observa";
        step_watch_do: "Set it to observe.", "Stellen Sie es auf Beobachten.", "Póngala en observar.";
        step_orders: "Its orders are read", "Seine Bestellungen sind gelesen", "Sus pedidos están leídos";
        step_levels: "Its stock is read", "Sein Bestand ist gelesen", "Su stock está leído";
        step_levels_do: "{count} levels were never read.", "{count} Bestände wurden nie gelesen.", "{count} niveles nunca se leyeron.";
        step_match: "Its listings are matched", "Seine Angebote sind zugeordnet", "Sus anuncios están asignados";
        step_match_do: "{count} listings have something to mend.", "An {count} Angeboten ist etwas zu richten.", "{count} anuncios tienen algo que corregir.";
        step_count: "Its items are counted", "Seine Artikel sind gezählt", "Sus artículos están contados";
        step_count_do: "{count} listings wait for a first count of their item.", "{count} Angebote warten auf eine erste Zählung ihres Artikels.", "{count} anuncios esperan un primer recuento.";
        step_preview: "Somebody saw the first writes", "Jemand sah die ersten Änderungen", "Alguien vio los primeros cambios";
        step_preview_do: "{count} levels would be written.", "{count} Bestände würden geschrieben.", "Se escribirían {count} niveles.";
        step_live: "It is live", "Es ist live", "Está activa";
        take_opening: "Take the stock that it shows", "Den Bestand übernehmen, den es zeigt", "Tomar el stock que muestra";
        take_opening_text: "What it shows becomes our first count of each item that was never counted.", "Was es zeigt, wird unsere erste Zählung jedes nie gezählten Artikels.", "Lo que muestra será nuestro primer recuento de cada artículo sin contar.";
        look_at_writes: "Look at the first writes", "Die ersten Änderungen ansehen", "Ver los primeros cambios";
        first_writes: "First writes to {account}", "Erste Änderungen in {account}", "Primeros cambios en {account}";
        writes_summary: "{count} levels: {rises} rise, {falls} fall, {zeroes} go to zero. {agreeing} are right already.", "{count} Bestände: {rises} steigen, {falls} fallen, {zeroes} gehen auf null. {agreeing} stimmen schon.", "{count} niveles: {rises} suben, {falls} bajan, {zeroes} quedan en cero. {agreeing} ya están bien.";
        breaker_would_hold: "So many go to zero that the breaker would hold them. Going live confirms them.", "So viele gehen auf null, dass die Sicherung sie hielte. Live zu gehen bestätigt sie.", "Van tantos a cero que la protección los retendría. Activar los confirma.";
        go_live: "Go live: write them", "Live gehen: schreiben", "Activar: escribirlos";
        no_writes: "Nothing would be written: all is as it should be.", "Es würde nichts geschrieben: alles ist, wie es sein soll.", "No se escribiría nada: todo está como debe.";
        shows: "Shows", "Zeigt", "Muestra";
        would_show: "Would show", "Würde zeigen", "Mostraría";
        breaker: "Breaker", "Sicherung", "Protección";
        breaker_fine: "It has not tripped.", "Sie hat nicht ausgelöst.", "No se ha activado.";
        source_tripped: "{listings} of {of} listings suddenly showed much less. What it shows is not taken until somebody looked.", "{listings} von {of} Angeboten zeigten plötzlich viel weniger. Was es zeigt, gilt nicht, bis jemand nachgesehen hat.", "{listings} de {of} anuncios mostraron de golpe mucho menos. No se acepta hasta que alguien lo mire.";
        writes_tripped: "{listings} of {of} listings would suddenly go to zero. That is not written until somebody looked.", "{listings} von {of} Angeboten gingen plötzlich auf null. Das wird nicht geschrieben, bis jemand nachgesehen hat.", "{listings} de {of} anuncios quedarían de golpe en cero. No se escribe hasta que alguien lo mire.";
        lift_ours: "Ours is right: write it", "Unsere Zahlen stimmen: schreiben", "Lo nuestro es correcto: escribirlo";
        lift_theirs: "Theirs is right: take it", "Deren Zahlen stimmen: übernehmen", "Lo suyo es correcto: tomarlo";
        waits: "What waits to be written or told", "Was zu schreiben oder zu melden ist", "Qué espera ser escrito o comunicado";
        nothing_waits: "Nothing waits.", "Nichts wartet.", "Nada espera.";
        freeze_title: "Freeze {account}?", "{account} einfrieren?", "¿Congelar {account}?";
        freeze_all: "Freeze all accounts", "Alle Konten einfrieren", "Congelar todas las cuentas";
        freeze_now: "Freeze now", "Jetzt einfrieren", "Congelar ahora";
        freeze_waiting: "{pushes} levels and {intents} messages wait, and would go on waiting.", "{pushes} Bestände und {intents} Meldungen warten und würden weiter warten.", "{pushes} niveles y {intents} avisos esperan y seguirían esperando.";
        freeze_risk: "{units} units are shown and not there; while it is frozen they can be oversold.", "{units} Stück werden gezeigt und sind nicht da; solange eingefroren ist, können sie überverkauft werden.", "{units} unidades se muestran y no están; mientras esté congelada pueden venderse de más.";
        frozen_last: "{accounts} frozen by {by}", "{accounts} eingefroren von {by}", "{accounts} congeladas por {by}";
        undo: "Undo: let writing go on", "Zurücknehmen: wieder schreiben", "Deshacer: volver a escribir";
        never_mind: "Do not freeze", "Nicht einfrieren", "No congelar";
        is_done: "Done", "Erledigt", "Hecho";
        is_open: "To do", "Offen", "Pendiente";
        live: "Live", "Live", "Activa";
        observe: "Observe", "Beobachten", "Observar";
        off: "Off", "Aus", "Apagada";
        open_order: "Open the order first", "Erst die Bestellung öffnen", "Abrir primero el pedido";
    }
}
