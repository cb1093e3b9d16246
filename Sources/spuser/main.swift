import CSpread
