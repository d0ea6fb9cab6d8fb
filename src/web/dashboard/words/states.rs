//! Phases, stages, and the other words for how something is.

use domain::order::Phase;
use engine::{users::Role, views::today::Doing};

use super::catalog;

catalog! {
    /// Phases, stages, and the other words for how something is.
    States {
        placement: "Placement", "Eingang", "Entrada";
        processing: "Processing", "Bearbeitung", "Tramitación";
        fulfillment: "Fulfillment", "Versand", "Expedición";
        delivery: "Delivery", "Zustellung", "Entrega";
        aftersales: "After-sales", "Nachher", "Posventa";
        received: "Received", "Eingegangen", "Recibido";
        needs_mapping: "Needs mapping", "Artikel unklar", "Artículo sin asignar";
        awaiting_payment: "Awaiting payment", "Wartet auf Zahlung", "Espera el pago";
        ready: "Ready", "Bereit", "Listo";
        held: "On hold", "Angehalten", "Retenido";
        short: "Short of stock", "Bestand fehlt", "Falta stock";
        fulfilling: "Being packed", "Wird gepackt", "En preparación";
        part_shipped: "Partly shipped", "Teils versandt", "Enviado en parte";
        shipped: "Shipped", "Versandt", "Enviado";
        in_delivery: "On its way", "Unterwegs", "En camino";
        exception: "Trouble on the way", "Problem unterwegs", "Problema en el envío";
        delivered: "Delivered", "Zugestellt", "Entregado";
        after_sales: "After-sales", "Nachbearbeitung", "Posventa";
        closed: "Closed", "Abgeschlossen", "Cerrado";
        canceled: "Canceled", "Storniert", "Cancelado";
        well: "Well", "In Ordnung", "Bien";
        watched: "Only watched", "Nur beobachtet", "Solo observado";
        starting: "Not read yet", "Noch nicht gelesen", "Aún sin leer";
        throttled: "Asked to wait", "Soll warten", "Debe esperar";
        frozen: "Frozen", "Eingefroren", "Congelado";
        paused: "Paused", "Pausiert", "En pausa";
        tripped: "Breaker tripped", "Sicherung ausgelöst", "Protección activada";
        failing: "Calls fail", "Aufrufe scheitern", "Fallan las llamadas";
        unauthorized: "Credentials refused", "Zugang verweigert", "Acceso denegado";
        off: "Off", "Aus", "Apagado";
        viewer: "Viewer", "Ansicht", "Consulta";
        packer: "Packer", "Packen", "Preparación";
        operator: "Operator", "Bearbeitung", "Operación";
        admin: "Admin", "Admin", "Administración";
        payment_pending: "Payment pending", "Zahlung offen", "Pago pendiente";
        payment_authorized: "Payment authorized", "Zahlung zugesagt", "Pago autorizado";
        payment_part_paid: "Partly paid", "Teils bezahlt", "Pagado en parte";
        payment_paid: "Paid", "Bezahlt", "Pagado";
        payment_part_refunded: "Partly refunded", "Teils erstattet", "Reembolsado en parte";
        payment_refunded: "Refunded", "Erstattet", "Reembolsado";
        payment_voided: "Payment void", "Zahlung hinfällig", "Pago anulado";
        payment_unknown: "Payment unknown", "Zahlung unklar", "Pago desconocido";
        task_open: "To pick", "Zu holen", "Por recoger";
        task_picking: "Being picked", "Wird geholt", "Recogiendo";
        task_picked: "Picked", "Geholt", "Recogido";
        task_packed: "Packed", "Gepackt", "Empaquetado";
        task_labeled: "Labeled", "Mit Etikett", "Etiquetado";
        task_stopped: "STOP: put back", "STOPP: zurücklegen", "ALTO: devolver";
        task_closed: "Done", "Fertig", "Terminado";
        late_to_ship: "late to ship", "Versand verspätet", "envío con retraso";
        late_to_deliver: "late to arrive", "Ankunft verspätet", "llegada con retraso";
        no_news: "no news of its parcel", "keine Nachricht vom Paket", "sin noticias del paquete";
        parked: "Waits for a person", "Wartet auf jemanden", "Espera a una persona";
        waiting: "Waits for its turn", "Wartet", "En espera";
        settled: "Done", "Erledigt", "Hecho";
    }
}

impl States {
    pub(crate) fn phase(&self, phase: Phase) -> &'static str {
        match phase {
            Phase::Canceled => self.canceled,
            Phase::Closed => self.closed,
            Phase::Exception => self.exception,
            Phase::AfterSales => self.after_sales,
            Phase::Delivered => self.delivered,
            Phase::InDelivery => self.in_delivery,
            Phase::Shipped => self.shipped,
            Phase::Held => self.held,
            Phase::PartShipped => self.part_shipped,
            Phase::Fulfilling => self.fulfilling,
            Phase::Short => self.short,
            Phase::AwaitingPayment => self.awaiting_payment,
            Phase::NeedsMapping => self.needs_mapping,
            Phase::Ready => self.ready,
            Phase::Received => self.received,
        }
    }

    pub(crate) fn doing(&self, doing: Doing) -> &'static str {
        match doing {
            Doing::Off => self.off,
            Doing::Unauthorized => self.unauthorized,
            Doing::Failing => self.failing,
            Doing::Tripped => self.tripped,
            Doing::Frozen => self.frozen,
            Doing::Paused => self.paused,
            Doing::Throttled => self.throttled,
            Doing::Starting => self.starting,
            Doing::Watched => self.watched,
            Doing::Well => self.well,
        }
    }

    pub(crate) fn role(&self, role: Role) -> &'static str {
        match role {
            Role::Viewer => self.viewer,
            Role::Packer => self.packer,
            Role::Operator => self.operator,
            Role::Admin => self.admin,
        }
    }

    /// How the money stands, by its word in the API.
    pub(crate) fn payment(&self, word: &str) -> &'static str {
        match word {
            "pending" => self.payment_pending,
            "authorized" => self.payment_authorized,
            "part_paid" => self.payment_part_paid,
            "paid" => self.payment_paid,
            "part_refunded" => self.payment_part_refunded,
            "refunded" => self.payment_refunded,
            "voided" => self.payment_voided,
            _ => self.payment_unknown,
        }
    }

    /// What is too late, by its word in the API.
    pub(crate) fn flag(&self, word: &str) -> &'static str {
        match word {
            "late_to_ship" => self.late_to_ship,
            "late_to_deliver" => self.late_to_deliver,
            _ => self.no_news,
        }
    }
}
