#include "CSpreadSocket.h"
