//! What the engine says in sentences names commands. On a page, it names the button that does the same.

use super::page::Chrome;

impl Chrome {
    /// A sentence of the engine, with the names of buttons in the place of commands that have one here.
    pub(super) fn on_page(&self, sentence: &str) -> String {
        let mut said = String::with_capacity(sentence.len());
        let mut parts = sentence.split('`');
        said.push_str(parts.next().unwrap_or_default());
        while let Some(command) = parts.next() {
            match self.button(command) {
                Some(button) => said.push_str(&self.language.quoted(button)),
                None => {
                    said.push('`');
                    said.push_str(command);
                    said.push('`');
                }
            }
            said.push_str(parts.next().unwrap_or_default());
        }
        said
    }

    /// The button, or the page, that does what a command does.
    fn button(&self, command: &str) -> Option<&'static str> {
        let (orders, stock, shops) = (self.t.orders, self.t.stock, self.t.shops);
        let common = self.t.common;
        let buttons = [
            ("orders return open", orders.open_return),
            ("orders return receive", orders.receive),
            ("orders return inspect", orders.inspect),
            ("orders release", orders.release),
            ("orders hold", orders.hold),
            ("orders cancel", orders.cancel),
            ("orders map", orders.map),
            ("orders ship", orders.ship),
            ("orders task pick", orders.pick),
            ("orders task pack", orders.pack),
            ("orders task label", orders.label),
            ("orders task hand-over", orders.hand_over),
            ("orders task put-back", orders.put_back),
            ("orders note", orders.note),
            ("incidents show", stock.ways_out),
            ("outbox retry", self.t.desk.send_again),
            ("stock receive", stock.receive),
            ("stock adjust", stock.adjust),
            ("stock explain", stock.explain),
            ("accounts show", common.channels),
            ("accounts reconcile", stock.compare),
            ("accounts poll", stock.sync),
            ("accounts freeze", stock.freeze),
            ("accounts unfreeze", stock.unfreeze),
            ("adopt preview", shops.look_at_writes),
            ("adopt opening", shops.take_opening),
            ("adopt arm", shops.go_live),
        ];
        let command = command.strip_prefix("oneshelf ")?;
        let is_so = |name: &str| {
            let rest = command.strip_prefix(name);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
        };
        let found = buttons.into_iter().find(|(name, _)| is_so(name));
        found.map(|(_, button)| button)
    }
}

#[cfg(test)]
mod tests {
    use super::super::words::Language;

    #[test]
    fn quotes_are_those_of_the_language() {
        let said = Language::ALL.map(|language| language.quoted("x"));
        assert_eq!(said, ["“x”", "„x“", "«x»"].map(str::to_owned));
    }
}
