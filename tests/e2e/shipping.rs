//! What is done to an order through the API reaches its channel, and the other way round.
