import SpreadCore
