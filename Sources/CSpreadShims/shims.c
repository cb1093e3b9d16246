#include "CSpreadShims.h"
