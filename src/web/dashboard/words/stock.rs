//! Stock, channels, and what is stuck between them.

use domain::incident::WayKind;

use super::catalog;

catalog! {
    /// Stock, channels, and what is stuck between them.
    Stock {
        on_hand: "On hand", "Vorhanden", "En almacén";
        allocated: "Allocated", "Zugeteilt", "Asignado";
        pending: "Pending", "Zugesagt", "Pendiente";
        sellable: "Sellable", "Verkäuflich", "Vendible";
        incoming: "Incoming", "Unterwegs", "En camino";
        never_counted: "Never counted", "Nie gezählt", "Nunca contado";
        sold_out: "Sold out", "Ausverkauft", "Agotado";
        empty: "No items yet", "Noch keine Artikel", "Aún no hay artículos";
        empty_text: "They are taken from the listings of your accounts once these are read.", "Sie kommen aus den Angeboten Ihrer Konten, sobald diese gelesen sind.", "Se toman de los anuncios de sus cuentas cuando se leen.";
        go_to: "Go to SKU", "Zur SKU", "Ir al SKU";
        locations: "By location", "Nach Lagerort", "Por ubicación";
        location: "Location", "Lagerort", "Ubicación";
        components: "What is in it", "Was darin ist", "Qué contiene";
        per_kit: "Per kit", "Je Set", "Por kit";
        scarcest: "scarcest", "am knappsten", "el más escaso";
        listings: "What each channel shows", "Was jeder Kanal zeigt", "Qué muestra cada canal";
        offer: "Offer", "Angebot", "Oferta";
        wanted: "Wanted", "Gewünscht", "Deseado";
        sent: "Sent", "Gesendet", "Enviado";
        acknowledged: "Acknowledged", "Bestätigt", "Confirmado";
        read_back: "Read back", "Zurückgelesen", "Releído";
        in_step: "In step", "Stimmt überein", "Al día";
        being_written: "Being written", "Wird geschrieben", "Escribiéndose";
        told_nothing: "Told nothing", "Erfährt nichts", "No se le dice nada";
        drifts: "Unexplained change", "Unerklärte Änderung", "Cambio sin explicar";
        no_listings: "It is on no channel.", "Es ist auf keinem Kanal.", "No está en ningún canal.";
        explain: "Why the number is what it is", "Warum die Zahl so ist", "Por qué la cifra es esa";
        movements: "Movements", "Bewegungen", "Movimientos";
        adjust: "Adjust", "Korrigieren", "Ajustar";
        adjust_hint: "By so many: 3 more, or -2 for two fewer.", "Um so viele: 3 mehr, oder -2 für zwei weniger.", "En tantas: 3 más, o -2 para dos menos.";
        by_how_many: "By how many", "Um wie viele", "En cuántas";
        count: "Counted", "Gezählt", "Contado";
        count_hint: "So many lie there now.", "So viele liegen jetzt da.", "Tantas hay ahora.";
        how_many: "How many", "Wie viele", "Cuántas";
        receive: "Receive", "Annehmen", "Recibir";
        receive_hint: "So many came in.", "So viele sind angekommen.", "Llegaron tantas.";
        condition: "Condition", "Zustand", "Condición";
        sellable_condition: "sellable", "verkäuflich", "vendible";
        damaged_condition: "damaged", "beschädigt", "dañado";
        reference: "Reference", "Beleg", "Referencia";
        due: "due", "fällig", "previsto";
        mode: "Mode", "Modus", "Modo";
        freeze: "Freeze", "Einfrieren", "Congelar";
        freeze_hint: "Nothing is written to this account until somebody lets it go on. Reading goes on.", "In dieses Konto wird nichts geschrieben, bis es jemand freigibt. Gelesen wird weiter.", "No se escribe nada en esta cuenta hasta que alguien la libere. Se sigue leyendo.";
        unfreeze: "Let writing go on", "Schreiben wieder erlauben", "Permitir escribir";
        frozen_by: "Frozen by", "Eingefroren von", "Congelada por";
        sync: "Read now", "Jetzt lesen", "Leer ahora";
        compare: "Compare stock now", "Bestand jetzt vergleichen", "Comparar stock ahora";
        waits: "To write", "Zu schreiben", "Por escribir";
        no_accounts: "No account is configured. Add one under accounts.d, then reload.", "Kein Konto ist eingerichtet. Legen Sie eines unter accounts.d an und laden Sie neu.", "No hay ninguna cuenta configurada. Añada una en accounts.d y recargue.";
        outbox: "Could not be sent", "Nicht gesendet", "No se pudo enviar";
        inbox: "Could not be read", "Nicht lesbar", "No se pudo leer";
        drift: "Unexplained stock changes", "Unerklärte Änderungen", "Cambios sin explicar";
        nothing_stuck: "Nothing is stuck.", "Nichts hängt.", "Nada está atascado.";
        attempts: "Attempts", "Versuche", "Intentos";
        ours: "Ours is right", "Unsere Zahl stimmt", "La nuestra es correcta";
        theirs: "Theirs is right", "Deren Zahl stimmt", "La suya es correcta";
        missing: "Missing", "Fehlt", "Faltan";
        opened: "Since", "Seit", "Desde";
        no_incidents: "Nothing is oversold", "Nichts ist überverkauft", "No hay sobreventa";
        no_incidents_text: "When more is sold than there is, it stands here with the ways out.", "Wenn mehr verkauft wird, als da ist, steht es hier mit den Auswegen.", "Si se vende más de lo que hay, aparecerá aquí con las salidas.";
        why: "Why", "Warum", "Por qué";
        ways_out: "Ways out", "Auswege", "Salidas";
        ways: "Ways out, the best first", "Auswege, der beste zuerst", "Salidas, la mejor primero";
        choose: "Choose", "Wählen", "Elegir";
        way_wait: "Wait", "Warten", "Esperar";
        way_transfer: "Bring it from another location", "Von einem anderen Lagerort holen", "Traerlo de otra ubicación";
        way_sort: "Make damaged units sellable again", "Beschädigte wieder verkäuflich machen", "Volver vendibles las dañadas";
        way_split: "Ship what is there, the rest later", "Vorhandenes versenden, den Rest später", "Enviar lo que hay, el resto después";
        way_substitute: "Offer something else", "Etwas anderes anbieten", "Ofrecer otra cosa";
        way_cancel_order: "Cancel the order", "Die Bestellung stornieren", "Cancelar el pedido";
        way_take_from: "Take it from another order", "Einer anderen Bestellung wegnehmen", "Quitarlo a otro pedido";
        way_cancel_units: "Cancel the missing units", "Die fehlenden Stücke stornieren", "Cancelar las unidades que faltan";
        refund_amount: "The buyer gets back", "Der Käufer erhält zurück", "El comprador recibe";
        rivals: "Also promised to", "Auch zugesagt an", "También prometido a";
        decided: "Decided", "Entschieden", "Decidido";
        open: "Open", "Offen", "Abierto";
        over: "Over", "Vorbei", "Terminado";
        in_work: "In work", "In Arbeit", "En curso";
        to_pick: "Waiting to be picked", "Wartet auf das Holen", "Por recoger";
        no_tasks: "Nobody is packing anything. Open an order that waits and start picking.", "Niemand packt etwas. Öffnen Sie eine wartende Bestellung und beginnen Sie.", "Nadie está preparando nada. Abra un pedido en espera y empiece.";
        nothing_to_pick: "Nothing waits to be picked.", "Nichts wartet auf das Holen.", "Nada espera a ser recogido.";
    }
}

impl Stock {
    /// A way out of an incident.
    pub(crate) fn way(&self, way: WayKind) -> &'static str {
        match way {
            WayKind::Wait => self.way_wait,
            WayKind::Transfer => self.way_transfer,
            WayKind::Sort => self.way_sort,
            WayKind::Split => self.way_split,
            WayKind::Substitute => self.way_substitute,
            WayKind::CancelOrder => self.way_cancel_order,
            WayKind::TakeFrom => self.way_take_from,
            WayKind::CancelUnits => self.way_cancel_units,
        }
    }
}
