import SpreadWire
