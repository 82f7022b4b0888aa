// Keys that lead somewhere: g and then a page's first letter, / for the search or the filters, ? for this list.
export {};
