"""Reads the history of other systems into the record, the incidents and the memory."""
