//! What is on every page, and signing in.

use super::catalog;

catalog! {
    /// What is on every page, and signing in.
    Common {
        skip: "Skip to content", "Zum Inhalt springen", "Saltar al contenido";
        navigation: "Main", "Hauptmenü", "Principal";
        today: "Today", "Heute", "Hoy";
        orders: "Orders", "Bestellungen", "Pedidos";
        packing: "Packing", "Packen", "Preparación";
        stock: "Stock", "Bestand", "Existencias";
        channels: "Channels", "Kanäle", "Canales";
        waiting: "Stuck", "Hängt", "Atascado";
        incidents: "Oversold", "Überverkauft", "Sobreventa";
        insight: "Insight", "Auswertung", "Análisis";
        users: "Users", "Benutzer", "Usuarios";
        sign_in: "Sign in", "Anmelden", "Entrar";
        sign_out: "Sign out", "Abmelden", "Salir";
        signed_in_as: "Signed in as", "Angemeldet als", "Sesión de";
        user_name: "User name", "Benutzername", "Usuario";
        password: "Password", "Passwort", "Contraseña";
        password_again: "The same again", "Noch einmal", "Otra vez la misma";
        password_rule: "At least {n} characters. Three or four words that do not belong together are good.", "Mindestens {n} Zeichen. Drei oder vier Wörter, die nicht zusammengehören, sind gut.", "Al menos {n} caracteres. Tres o cuatro palabras que no tengan relación van bien.";
        set_password: "Set password and sign in", "Passwort setzen und anmelden", "Guardar contraseña y entrar";
        welcome: "Welcome, {name}", "Willkommen, {name}", "Hola, {name}";
        welcome_text: "Choose a password. This link is good for one time only.", "Wählen Sie ein Passwort. Dieser Link gilt nur einmal.", "Elija una contraseña. Este enlace sirve una sola vez.";
        sign_in_text: "Have no password yet? Ask an admin for a sign-in link: oneshelf users link NAME.", "Noch kein Passwort? Bitten Sie einen Admin um einen Anmelde-Link: oneshelf users link NAME.", "¿Aún sin contraseña? Pida a un administrador un enlace de acceso: oneshelf users link NAME.";
        wrong: "The user name or the password is not right.", "Benutzername oder Passwort stimmt nicht.", "El usuario o la contraseña no es correcto.";
        locked: "Too many wrong passwords. Try again in {minutes} min.", "Zu viele falsche Passwörter. Versuchen Sie es in {minutes} Min. wieder.", "Demasiadas contraseñas erróneas. Inténtelo en {minutes} min.";
        not_alike: "The two passwords are not the same.", "Die beiden Passwörter sind nicht gleich.", "Las dos contraseñas no coinciden.";
        too_short: "The password is too short or too long.", "Das Passwort ist zu kurz oder zu lang.", "La contraseña es demasiado corta o demasiado larga.";
        link_over: "This link was used already, or is too old. Ask for a new one.", "Dieser Link wurde schon benutzt oder ist zu alt. Bitten Sie um einen neuen.", "Este enlace ya se usó o es demasiado antiguo. Pida uno nuevo.";
        expired: "Your session has ended. Sign in again; nothing was changed.", "Ihre Sitzung ist beendet. Melden Sie sich wieder an; es wurde nichts geändert.", "Su sesión ha terminado. Entre de nuevo; no se cambió nada.";
        not_allowed: "Your role may not do that", "Ihre Rolle darf das nicht", "Su rol no lo permite";
        not_allowed_text: "It takes the role {role}. An admin can change yours.", "Dafür braucht es die Rolle {role}. Ein Admin kann Ihre ändern.", "Hace falta el rol {role}. Un administrador puede cambiar el suyo.";
        not_found: "There is nothing here", "Hier ist nichts", "Aquí no hay nada";
        not_found_text: "The address is wrong, or what was here is gone.", "Die Adresse stimmt nicht, oder was hier war, ist weg.", "La dirección no es correcta, o lo que había ya no está.";
        refused: "Not done", "Nicht ausgeführt", "No se hizo";
        what_to_do: "What to do", "Was zu tun ist", "Qué hacer";
        done: "Done.", "Erledigt.", "Hecho.";
        nothing_to_do: "It was so already.", "Es war schon so.", "Ya estaba así.";
        language: "Language", "Sprache", "Idioma";
        look: "Look", "Aussehen", "Aspecto";
        look_auto: "As the system", "Wie das System", "Como el sistema";
        look_light: "Light", "Hell", "Claro";
        look_dark: "Dark", "Dunkel", "Oscuro";
        apply: "Apply", "Übernehmen", "Aplicar";
        settings: "Language and look", "Sprache und Aussehen", "Idioma y aspecto";
        older: "Next page", "Nächste Seite", "Página siguiente";
        first_page: "First page", "Erste Seite", "Primera página";
        lost: "The connection dropped. What you see may be old; it catches up by itself.", "Die Verbindung ist weg. Was Sie sehen, kann alt sein; es holt von selbst auf.", "Se perdió la conexión. Lo que ve puede ser antiguo; se pondrá al día solo.";
        all: "All", "Alle", "Todos";
        reason: "Reason", "Grund", "Motivo";
        who: "Who", "Wer", "Quién";
        when: "When", "Wann", "Cuándo";
        what: "What", "Was", "Qué";
        role: "Role", "Rolle", "Rol";
        none: "none", "keine", "ninguno";
    }
}
