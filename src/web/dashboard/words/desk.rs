//! The desk: today, and what waits for a person.

use super::catalog;

catalog! {
    /// The desk: today, and what waits for a person.
    Desk {
        needs_you: "Needs a person", "Braucht jemanden", "Necesita a alguien";
        all_well: "Nothing waits for you", "Nichts wartet auf Sie", "Nada le espera";
        all_well_text: "Orders come in and go out by themselves. What needs a decision will stand here.", "Bestellungen kommen und gehen von selbst. Was eine Entscheidung braucht, steht dann hier.", "Los pedidos entran y salen solos. Lo que requiera una decisión aparecerá aquí.";
        flow: "Orders by stage", "Bestellungen nach Stufe", "Pedidos por etapa";
        accounts: "Accounts", "Konten", "Cuentas";
        account: "Account", "Konto", "Cuenta";
        doing: "State", "Zustand", "Estado";
        last_success: "Last good call", "Letzter guter Aufruf", "Última llamada correcta";
        last_poll: "Orders read", "Bestellungen gelesen", "Pedidos leídos";
        last_compared: "Stock compared", "Bestand verglichen", "Stock comparado";
        at_risk: "Units at risk", "Stück in Gefahr", "Unidades en riesgo";
        at_risk_text: "shown on a channel, and not there", "auf einem Kanal gezeigt und nicht da", "visibles en un canal y no disponibles";
        never: "never", "nie", "nunca";
        cause_mapping: "Lines without an item", "Positionen ohne Artikel", "Líneas sin artículo";
        cause_mapping_text: "Say which item was sold; the order waits for that.", "Sagen Sie, welcher Artikel verkauft wurde; die Bestellung wartet darauf.", "Diga qué artículo se vendió; el pedido espera.";
        cause_short: "Orders short of stock", "Bestellungen ohne Bestand", "Pedidos sin stock";
        cause_short_text: "Sold, and not enough is there.", "Verkauft, und es ist nicht genug da.", "Vendido, y no hay suficiente.";
        cause_held: "Orders on hold", "Angehaltene Bestellungen", "Pedidos retenidos";
        cause_held_text: "Somebody or a rule stopped them.", "Jemand oder eine Regel hat sie angehalten.", "Alguien o una regla los detuvo.";
        cause_exception: "Trouble on the way", "Probleme unterwegs", "Problemas en el envío";
        cause_exception_text: "A parcel went astray, or was canceled too late.", "Ein Paket ging fehl oder wurde zu spät storniert.", "Un paquete se perdió o se canceló tarde.";
        cause_late: "Late to ship", "Versand verspätet", "Envío con retraso";
        cause_late_text: "They should have left by now.", "Sie sollten schon weg sein.", "Ya deberían haber salido.";
        cause_late_arrival: "Late to arrive", "Ankunft verspätet", "Llegada con retraso";
        cause_late_arrival_text: "They should have arrived by now.", "Sie sollten schon da sein.", "Ya deberían haber llegado.";
        cause_no_news: "Parcels without news", "Pakete ohne Nachricht", "Paquetes sin noticias";
        cause_no_news_text: "Nobody heard of them for long.", "Lange hat niemand von ihnen gehört.", "Hace tiempo que no se sabe de ellos.";
        cause_incident: "Oversold", "Überverkauft", "Sobreventa";
        cause_incident_text: "More was sold than there is. Choose a way out.", "Es wurde mehr verkauft, als da ist. Wählen Sie einen Ausweg.", "Se vendió más de lo que hay. Elija una salida.";
        cause_drift: "Unexplained stock changes", "Unerklärte Änderungen", "Cambios sin explicar";
        cause_drift_text: "A channel shows another number, and no order explains it.", "Ein Kanal zeigt eine andere Zahl, und keine Bestellung erklärt sie.", "Un canal muestra otra cifra y ningún pedido la explica.";
        cause_outbox: "Could not be sent", "Nicht gesendet", "No se pudo enviar";
        cause_outbox_text: "A channel refused it. Look why, then send it again.", "Ein Kanal hat es abgelehnt. Sehen Sie nach, warum, und senden Sie es wieder.", "Un canal lo rechazó. Mire por qué y envíelo otra vez.";
        cause_inbox: "Could not be read", "Nicht lesbar", "No se pudo leer";
        cause_inbox_text: "A channel told something that we do not understand.", "Ein Kanal hat etwas gemeldet, das wir nicht verstehen.", "Un canal comunicó algo que no entendemos.";
        cause_account: "Accounts in trouble", "Konten mit Problemen", "Cuentas con problemas";
        cause_account_text: "Calls fail, credentials are refused, or too much changed at once.", "Aufrufe scheitern, der Zugang wird verweigert, oder es änderte sich zu viel auf einmal.", "Fallan las llamadas, se deniega el acceso o cambió demasiado de golpe.";
        cause_paused: "Accounts paused", "Pausierte Konten", "Cuentas en pausa";
        cause_paused_text: "Somebody paused orders, stock or tracking; what comes meanwhile waits.", "Jemand hat Bestellungen, Bestand oder Sendungen pausiert; was inzwischen kommt, wartet.", "Alguien puso en pausa pedidos, stock o envíos; lo que llega espera.";
        map_them: "Map lines", "Artikel zuordnen", "Asignar artículos";
        show_them: "Show", "Zeigen", "Ver";
        no_users: "Nobody was added yet. Add somebody with: oneshelf users add NAME --role operator", "Noch niemand. Fügen Sie jemanden hinzu: oneshelf users add NAME --role operator", "Aún no hay nadie. Añada a alguien con: oneshelf users add NAME --role operator";
        users_text: "Users are added and linked on the command line: oneshelf users --help.", "Benutzer werden auf der Kommandozeile hinzugefügt: oneshelf users --help.", "Los usuarios se añaden en la línea de órdenes: oneshelf users --help.";
        log: "Log", "Protokoll", "Registro";
        last_signed_in: "Last signed in", "Zuletzt angemeldet", "Última entrada";
        disabled: "Disabled", "Gesperrt", "Desactivado";
        may_sign_in: "May sign in", "Darf sich anmelden", "Puede entrar";
        no_password: "No password yet", "Noch kein Passwort", "Aún sin contraseña";
        send_again: "Send again", "Noch einmal senden", "Enviar otra vez";
        done_by: "By", "Von", "Por";
    }
}
